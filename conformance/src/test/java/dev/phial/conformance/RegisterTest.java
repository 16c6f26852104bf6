package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.source.Sha256;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bytes do not depend on the registers, or the compiler, that a JVM has. */
final class RegisterTest {
  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"-XX:MaxVectorSize=8", "-Xint", "-XX:TieredStopAtLevel=1"})
  void anyMachineWritesTheSame(String option) {
    List<String> arguments =
        List.of("quantize", Phial.model("tiny-phi3"), "--to", "gguf:Q4_0", "-o");
    Path usual = folder.resolve("usual.gguf");
    Path other = folder.resolve("other.gguf");
    List<String> words = Phial.words(arguments);
    words.add(usual.toString());
    Command.run(folder, words).succeeded();
    words = Phial.words(arguments);
    words.add(words.indexOf("-cp"), option);
    words.add(other.toString());
    Command.Result result = Command.run(folder, words).succeeded();
    assertThat(result.err()).containsOnlyOnce("Using the scalar kernels: this JVM ");
    Map<Path, String> hashes = Sha256.of(List.of(usual, other));
    assertThat(hashes.get(other)).isEqualTo(hashes.get(usual));
  }
}
