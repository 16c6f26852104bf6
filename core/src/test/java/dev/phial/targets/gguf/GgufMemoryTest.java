package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Sink;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What is held in memory is what the file would hold. */
final class GgufMemoryTest {
  private static final Path FIXTURES = Path.of("../fixtures");

  @TempDir Path folder;

  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,  Q4_K_M",
    "tiny-phi3,  Q2_K_S",
    "tiny-phi3,  BF16",
    "phi2,       Q4_0",
    "phi4-mini,  IQ4_XS",
    "phi35-moe,  Q3_K_S"
  })
  void holdsTheBytesOfTheFile(String name, String type) throws Exception {
    Path imatrix = FIXTURES.resolve("imatrix").resolve(name).resolve("imatrix.gguf");
    Options options = Options.NONE.with("imatrix", imatrix.toString());
    Path file = folder.resolve("model.gguf");
    try (Checkpoint checkpoint = Sources.open(FIXTURES.resolve("models").resolve(name))) {
      ModelDescription model = Families.describe(checkpoint);
      Request request = new Request(checkpoint, model, Optional.of(type), options);
      try (GgufMemory memory = GgufMemory.plan(request);
          Sink sink = new GgufTarget().plan(request).open(file, false)) {
        memory.allocate();
        assertThat(Pass.run(List.of(memory, sink), 2, Progress.NONE)).isEmpty();
        try (Checkpoint written = Sources.open(file)) {
          Map<String, Weight> held = byName(memory.description());
          Map<String, Weight> expected = byName(Families.describe(written));
          assertThat(held.keySet()).containsExactlyInAnyOrderElementsOf(expected.keySet());
          expected.forEach((key, weight) -> assertSame(held.getOrDefault(key, weight), weight));
          assertThat(memory.plan().bytes()).isEqualTo(Files.size(file));
          assertThat(memory.bytes()).isLessThan(Files.size(file));
        }
      }
    }
  }

  private static Map<String, Weight> byName(ModelDescription model) {
    return model.weights().stream()
        .collect(Collectors.toMap(Weight::ggufName, Function.identity()));
  }

  private static void assertSame(Weight found, Weight expected) {
    assertThat(found.encoding().name()).isEqualTo(expected.encoding().name());
    assertThat(found.shape()).isEqualTo(expected.shape());
    int rows = Math.toIntExact(expected.shape().rows());
    byte[] a = new byte[Math.toIntExact(expected.bytes())];
    byte[] b = new byte[a.length];
    found.copy(0, rows, a);
    expected.copy(0, rows, b);
    assertThat(a).as(expected.ggufName()).isEqualTo(b);
  }
}
