package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.cli.Main;
import dev.phial.source.ImportanceMatrix;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code phial calibrate} beside llama-imatrix, whose files lie among the fixtures. */
final class CalibrateTest {
  @TempDir Path folder;

  /**
   * llama.cpp rounds activations and cache to 16 bits, the engine does not; all else is equal, to
   * the last byte of the header.
   */
  @ParameterizedTest
  @ValueSource(strings = {"phi2", "phi4-mini", "phi4"})
  void isWhatLlamaImatrixWrites(String model) throws IOException {
    Path ours = calibrate(Phial.model(model), "--context", "256", "--chunks", "40");
    Path theirs = Phial.imatrixFolder(model).resolve("imatrix.gguf");
    ImportanceMatrix expected = ImportanceMatrix.read(theirs);
    ImportanceMatrix found = ImportanceMatrix.read(ours);
    assertThat(found.weights().keySet()).isEqualTo(expected.weights().keySet());
    assertThat(found.dataset()).hasValue("calibration.txt");
    assertThat(found.chunks()).isEqualTo(40);
    expected
        .weights()
        .forEach((name, values) ->
            assertThat(difference(Objects.requireNonNull(found.weights().get(name)), values))
                .as(name)
                .isLessThan(1e-3));
    byte[] a = Files.readAllBytes(ours);
    byte[] b = Files.readAllBytes(theirs);
    assertThat(a).hasSameSizeAs(b);
    int numbers = expected.weights().values().stream().mapToInt(v -> pad(v.length) + pad(1)).sum();
    int header = a.length - numbers;
    assertThat(Arrays.copyOf(a, header)).isEqualTo(Arrays.copyOf(b, header));
  }

  /** Bytes of so many floats in a GGUF file. */
  private static int pad(int floats) {
    return (floats * Float.BYTES + 31) / 32 * 32;
  }

  /** The largest, relative to what was expected. */
  private static double difference(float[] found, float[] expected) {
    assertThat(found).hasSameSizeAs(expected);
    double most = 0;
    for (int i = 0; i < found.length; i++) {
      most = Math.max(most, Math.abs(found[i] - expected[i]) / expected[i]);
    }
    return most;
  }

  /**
   * Of Phi-3.5-MoE llama.cpp computes something else (root mean square for layer norms, a softmax
   * router), so its numbers are others; names and layout are not.
   */
  @Test
  void countsForEachExpert() throws IOException {
    Path ours = calibrate(Phial.model("phi35-moe"), "--context", "128", "--chunks", "4");
    ImportanceMatrix expected =
        ImportanceMatrix.read(Phial.imatrixFolder("phi35-moe").resolve("imatrix.gguf"));
    ImportanceMatrix found = ImportanceMatrix.read(ours);
    assertThat(found.weights().keySet()).isEqualTo(expected.weights().keySet());
    expected
        .weights()
        .forEach(
            (name, values) -> assertThat(found.weights().get(name)).as(name).hasSameSizeAs(values));
  }

  @Test
  void isTakenByQuantize() throws IOException {
    Path imatrix = calibrate("demo", "--context", "128", "--chunks", "4", "--process-output");
    assertThat(ImportanceMatrix.read(imatrix).weights()).hasSize(17).containsKey("output.weight");
    Phial.call(
            List.of(
                "quantize",
                "demo",
                "--to",
                "gguf:IQ2_XS",
                "--imatrix",
                imatrix.toString(),
                "-o",
                folder.resolve("demo.gguf").toString()))
        .succeeded();
  }

  @Test
  void hasATextOfItsOwn() {
    Path imatrix = folder.resolve("own.gguf");
    Phial.call(List.of("calibrate", "demo", "--chunks", "1", "-o", imatrix.toString())).succeeded();
    assertThat(ImportanceMatrix.read(imatrix).dataset()).hasValue("shakespeare-calibration.txt");
  }

  @Test
  void refusesWhatMakesNoSense() throws IOException {
    String text = Files.writeString(folder.resolve("short.txt"), "too short").toString();
    String out = folder.resolve("imatrix.gguf").toString();
    assertFails(1, "expected a text of at least 512 tokens", "demo", "--text", text, "-o", out);
    assertFails(2, "--chunks: expected", "demo", "--chunks", "0", "-o", out);
    assertFails(2, "the context of the model", "demo", "--context", "5000", "-o", out);
    assertFails(1, "llama.cpp has no runtime", Phial.model("phi3-small-8k"), "-o", out);
    assertFails(1, "exists already", "demo", "-o", text);
    assertFails(2, "is what this command reads", "demo", "--text", text, "-o", text, "--force");
    assertThat(folder).isDirectoryNotContaining("glob:**.gguf*");
    assertThat(Files.readString(Path.of(text))).isEqualTo("too short");
  }

  private void assertFails(int status, String message, String... arguments) {
    List<String> words = new ArrayList<>(List.of("calibrate"));
    words.addAll(List.of(arguments));
    Command.Result result = Phial.call(words);
    assertThat(result.err()).contains("phial: ", message);
    assertThat(result.status()).isEqualTo(status);
    assertThat(result.out()).isEmpty();
  }

  /** With the text that the fixtures were made with, which is the one that comes along. */
  private Path calibrate(String model, String... options) throws IOException {
    Path text = folder.resolve("calibration.txt");
    try (InputStream in = Main.class.getResourceAsStream("/text/shakespeare-calibration.txt")) {
      Files.write(text, Objects.requireNonNull(in).readAllBytes());
    }
    List<String> words = new ArrayList<>(Phial.words(List.of("calibrate", model)));
    words.addAll(List.of("--text", "calibration.txt", "-o", "imatrix.gguf"));
    words.addAll(List.of(options));
    Command.run(folder, words).succeeded();
    return folder.resolve("imatrix.gguf");
  }
}
