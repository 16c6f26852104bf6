package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** {@code calibrate --moments}: a text is read once, for any number of outputs. */
final class MomentsTest {
  private static final String CHUNKS = "3";

  @TempDir Path folder;
  private Path moments = Path.of("");

  @BeforeEach
  void name() {
    moments = folder.resolve("moments.gguf");
  }

  /** Stacks of experts have an entry each; the numbers are those that would be in memory. */
  @ParameterizedTest
  @CsvSource({"tiny-phi3,gguf:Q4_K_M", "phi2,onnx:int4", "phi35-moe,openvino:int4"})
  void makesTheBytesThatReadingTheTextMakes(String model, String type) throws IOException {
    calibrate(model, "1");
    byte[] once = Files.readAllBytes(moments);
    calibrate(model, "2");
    assertThat(Files.readAllBytes(moments)).isEqualTo(once);
    Path read = quantize(model, type, "read", "--calibration-chunks", CHUNKS);
    Path taken = quantize(model, type, "taken", "--moments", moments.toString());
    for (Path file : weights(read)) {
      assertThat(Phial.sha256(taken.resolve(read.relativize(file).toString())))
          .isEqualTo(Phial.sha256(file));
    }
  }

  private void calibrate(String model, String threads) {
    List<String> words = List.of("calibrate", Phial.model(model), "--moments", "--chunks", CHUNKS);
    words = new ArrayList<>(words);
    words.addAll(List.of("--threads", threads, "--force", "-o", moments.toString()));
    Phial.call(words).succeeded();
  }

  private Path quantize(String model, String type, String name, String... options) {
    Path output = folder.resolve(name);
    List<String> words =
        new ArrayList<>(List.of("quantize", Phial.model(model), "--to", type, "--method", "gptq"));
    words.addAll(List.of("-o", output.toString()));
    words.addAll(List.of(options));
    Phial.call(words).succeeded();
    return output;
  }

  /** The manifest alone says where codes come from. */
  private static List<Path> weights(Path output) throws IOException {
    try (var files = Files.walk(output)) {
      return files
          .filter(Files::isRegularFile)
          .filter(file -> !file.getFileName().toString().equals("phial.json"))
          .toList();
    }
  }

  @Test
  void refusesWhatIsNotOfTheModel() throws IOException {
    calibrate("tiny-phi3", "2");
    refuses("phi4", moments, "expected moments of", "found those of another model");
    byte[] bytes = Files.readAllBytes(moments);
    Path damaged = folder.resolve("damaged.gguf");
    Files.write(damaged, Arrays.copyOf(bytes, bytes.length / 2));
    refuses("tiny-phi3", damaged, "damaged.gguf");
    byte[] odd = bytes.clone();
    Arrays.fill(odd, odd.length - 64, odd.length, (byte) -1);
    Files.write(damaged, odd);
    refuses("tiny-phi3", damaged, "in_moments: expected finite numbers, found NaN");
    byte[] newer = bytes.clone();
    String key = "phial.moments.version";
    int at = new String(bytes, StandardCharsets.ISO_8859_1).indexOf(key) + key.length() + 4;
    newer[at] = 9;
    Files.write(damaged, newer);
    refuses("tiny-phi3", damaged, "expected moments of version 1, found 9");
    Path imatrix = Phial.imatrixFolder("phi4").resolve("imatrix.gguf");
    refuses("phi4", imatrix, "expected the general.type moments, found imatrix");
    refuses("tiny-phi3", folder.resolve("none.gguf"), "none.gguf");
  }

  private void refuses(String model, Path file, String... parts) {
    List<String> words =
        List.of("quantize", Phial.model(model), "--to", "gguf:Q4_K_M", "--method", "gptq");
    words = new ArrayList<>(words);
    words.addAll(List.of("--moments", file.toString(), "-o", folder.resolve("no").toString()));
    Command.Result result = Phial.call(words);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains(parts).doesNotContain("\tat ");
    assertThat(folder.resolve("no")).doesNotExist();
  }

  @Test
  void refusesOptionsThatDoNotGoTogether() {
    misuses("expected --method gptq, found best", "--method", "best");
    misuses("expected --method gptq, found reference");
    misuses("expected no text besides", "--method", "gptq", "--calibration-chunks", "3");
    Command.Result both =
        Phial.call(List.of("calibrate", Phial.model("tiny-phi3"), "--moments", "--ranges"));
    assertThat(both.status()).isEqualTo(2);
    assertThat(both.err()).contains("--moments and --ranges are found by two commands");
  }

  private void misuses(String message, String... options) {
    List<String> words =
        new ArrayList<>(List.of("quantize", Phial.model("tiny-phi3"), "--to", "gguf:Q4_K_M"));
    words.addAll(List.of("--moments", moments.toString(), "-o", folder.resolve("no").toString()));
    words.addAll(List.of(options));
    Command.Result result = Phial.call(words);
    assertThat(result.status()).isEqualTo(2);
    assertThat(result.err()).contains(message);
  }
}
