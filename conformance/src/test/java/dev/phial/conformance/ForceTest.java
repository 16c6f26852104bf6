package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code --force} replaces what Phial or an exporter wrote, and never what a command reads. */
final class ForceTest {
  @TempDir Path folder;
  private Path model = Path.of("");
  private Path imatrix = Path.of("");

  @BeforeEach
  void copyModel() throws IOException {
    model = Files.createDirectory(folder.resolve("model"));
    try (Stream<Path> files = Files.list(Path.of(Phial.model("tiny-phi3")))) {
      for (Path file : files.toList()) {
        Files.copy(file, model.resolve(file.getFileName()));
      }
    }
    imatrix =
        Files.copy(
            Phial.imatrixFolder("tiny-phi3").resolve("imatrix.gguf"),
            folder.resolve("imatrix.gguf"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.safetensors",
        "config.json",
        "tokenizer.json",
        "tokenizer.model",
        "tokenizer_config.json",
        "generation_config.json",
      })
  void noCommandReplacesAFileOfTheModel(String name) throws IOException {
    Path file = model.resolve(name);
    Path link = Files.createSymbolicLink(folder.resolve("symbolic"), file);
    Path hard = Files.createLink(folder.resolve("hard"), file);
    for (Path output : List.of(file, link, hard)) {
      refusesItsInput(output, file, "quantize", model.toString(), "--to", "gguf:Q4_0", "-o");
      refusesItsInput(output, file, "calibrate", model.toString(), "-o");
      refusesItsInput(output, file, "calibrate", model.toString(), "--ranges", "-o");
      refusesItsInput(output, file, "eval", model.toString(), "--html");
      refusesItsInput(output, file, "eval", "demo", model.toString(), "--html");
    }
  }

  @Test
  void noCommandReplacesAFileThatAnOptionNames() throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), "To be, or not to be. ".repeat(500));
    Path types = Files.writeString(folder.resolve("types.txt"), "ffn_down=Q8_0");
    Path ranges = folder.resolve("ranges.json");
    Phial.call(List.of("calibrate", "demo", "--ranges", "--chunks", "1", "-o", ranges.toString()))
        .succeeded();
    for (List<String> option :
        List.of(
            List.of("gguf:IQ2_XS", "--imatrix", imatrix.toString()),
            List.of("gguf:Q4_0", "--tensor-type-file", types.toString()),
            List.of("onnx:w8a8", "--ranges", ranges.toString()),
            List.of("onnx:w8a8", "--calibration-text", text.toString()))) {
      Path input = Path.of(option.getLast());
      List<String> words = new ArrayList<>(List.of("quantize", model.toString(), "--to"));
      words.addAll(option);
      words.add("-o");
      refusesItsInput(input, input, words.toArray(String[]::new));
    }
    refusesItsInput(text, text, "calibrate", "demo", "--text", text.toString(), "-o");
    refusesItsInput(text, text, "calibrate", "demo", "--ranges", "--text", text.toString(), "-o");
    refusesItsInput(
        imatrix,
        imatrix,
        "eval",
        "demo",
        "--types",
        "Q4_0",
        "--imatrix",
        imatrix.toString(),
        "--html");
    refusesItsInput(text, text, "eval", "demo", "--text", text.toString(), "--html");
  }

  @Test
  void noOutputReplacesWhatAnotherIsMadeOf() throws IOException {
    Path input = Files.move(imatrix, folder.resolve("tiny-phi3-gguf-Q4_0.gguf"));
    String before = Phial.sha256(input);
    Command.Result result =
        Phial.call(
            List.of(
                "quantize",
                "demo",
                "--to",
                "gguf:IQ2_XS,imatrix=" + input,
                "--to",
                "gguf:Q4_0",
                "--force",
                "-o",
                folder.toString()));
    assertThat(result.status()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains(input + " is what this command reads");
    assertThat(Phial.sha256(input)).isEqualTo(before);
  }

  /** What lends its configuration is read, too. */
  @Test
  void noCommandReplacesTheOriginal() {
    Path gguf = folder.resolve("model.gguf");
    quantize("gguf:Q8_0", gguf).succeeded();
    Path config = model.resolve("config.json");
    refusesItsInput(
        config,
        config,
        "quantize",
        gguf.toString(),
        "--original",
        model.toString(),
        "--to",
        "gguf:Q4_0",
        "--allow-requantize",
        "-o");
    Command.Result result =
        Phial.call(
            List.of(
                "quantize",
                gguf.toString(),
                "--original",
                model.toString(),
                "--to",
                "mlx:4",
                "--force",
                "-o",
                model.toString()));
    assertThat(result.status()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains("is what this command reads");
  }

  /** A folder would take with it whatever lies in it. */
  @Test
  void noFolderThatHoldsAnInputIsReplaced() throws IOException {
    Path output = folder.resolve("out");
    quantize("mlx:4", output).succeeded();
    Path text = Files.writeString(output.resolve("config.json"), "x".repeat(5000));
    Command.Result result =
        Phial.call(
            List.of(
                "quantize",
                "demo",
                "--to",
                "onnx:w8a8",
                "--calibration-text",
                text.toString(),
                "--force",
                "-o",
                output.toString()));
    assertThat(result.status()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains("holds").contains("this command reads");
    assertThat(text).exists();
  }

  @ParameterizedTest
  @ValueSource(strings = {"onnx:int4", "openvino:int4", "mlx:4"})
  void anExportIsReplacedAndNothingElse(String to) throws IOException {
    Path output = folder.resolve("out");
    quantize(to, output).succeeded();
    quantize(to, output).succeeded();
    Path thesis = Files.writeString(output.resolve("thesis.txt"), "ten years");
    Command.Result result = quantize(to, output);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err())
        .contains("out: expected a folder that holds an exported model and nothing else")
        .contains("found thesis.txt, which would be lost");
    assertThat(thesis).hasContent("ten years");
    assertThat(output.resolve("phial.json")).exists();
  }

  @ParameterizedTest
  @ValueSource(strings = {"onnx:int4", "openvino:int4", "mlx:4"})
  void aFolderOfOtherThingsIsNot(String to) throws IOException {
    Path output = Files.createDirectory(folder.resolve("project"));
    Path thesis = Files.writeString(output.resolve("thesis.txt"), "ten years");
    Files.writeString(output.resolve("package.json"), "{}");
    Command.Result result = quantize(to, output);
    assertThat(result.status()).isEqualTo(1);
    assertThat(result.err()).contains("found package.json, which would be lost");
    assertThat(thesis).hasContent("ten years");
  }

  private Command.Result quantize(String to, Path output) {
    return Phial.call(List.of("quantize", "demo", "--to", to, "--force", "-o", output.toString()));
  }

  /** A misuse, and what is called so is as it was. */
  private static void refusesItsInput(Path output, Path input, String... words) {
    String before = Phial.sha256(input);
    List<String> arguments = new ArrayList<>(List.of(words));
    arguments.addAll(List.of(output.toString(), "--force"));
    Command.Result result = Phial.call(arguments);
    assertThat(result.status()).as(result.err()).isEqualTo(2);
    assertThat(result.err()).contains(output + " is what this command reads; pass -");
    assertThat(result.out()).isEmpty();
    assertThat(Phial.sha256(input)).isEqualTo(before);
  }
}
