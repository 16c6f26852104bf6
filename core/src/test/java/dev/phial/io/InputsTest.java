package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a command reads is known under every name it has. */
final class InputsTest {
  @TempDir Path folder;
  private Path model = Path.of("");

  @BeforeEach
  void makeModel() throws IOException {
    model = Files.createDirectory(folder.resolve("model"));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "model.safetensors",
        "model.safetensors.index.json",
        "pytorch_model-00001-of-00002.bin",
        "config.json",
        "generation_config.json",
        "genai_config.json",
        "tokenizer.json",
        "tokenizer.model",
        "cl100k_base.tiktoken",
        "modeling_phi3.py",
        "model.onnx",
        "model.onnx.data",
        "openvino_model.xml",
        "openvino_tokenizer.bin",
        "phial.json",
        "README.md",
      })
  void theFilesOfAModelAreInputs(String name) throws IOException {
    Path file = Files.writeString(model.resolve(name), "x");
    Inputs inputs = new Inputs().add(model);
    refused(inputs, file, "is what this command reads");
    refused(inputs, model.resolve("../model").resolve(name), "is what this command reads");
    refused(inputs, Files.createSymbolicLink(folder.resolve("link"), file), "is what this command");
    refused(inputs, Files.createLink(folder.resolve("hard"), file), "is what this command reads");
  }

  /** People do write beside the model, and do it again. */
  @ParameterizedTest
  @ValueSource(strings = {"model-Q4_K_M.gguf", "imatrix.gguf", "ranges.json", "report.html", "new"})
  void whatPhialWroteBesideAModelIsNone(String name) throws IOException {
    Path file = Files.writeString(model.resolve(name), "x");
    assertThatCode(() -> new Inputs().add(model).refuse(file, "-o")).doesNotThrowAnyException();
  }

  @Test
  void aFolderThatIsOrHoldsAnInputIsRefused() throws IOException {
    Path text = Files.writeString(folder.resolve("text.txt"), "x");
    Path link = Files.createSymbolicLink(folder.resolve("link"), model);
    Inputs inputs = new Inputs().add(model).add(text);
    refused(inputs, model, "is what this command reads");
    refused(inputs, link, "is what this command reads");
    refused(inputs, folder, "holds " + model + ", what this command reads");
    assertThatCode(() -> inputs.refuse(folder.resolve("other"), "-o")).doesNotThrowAnyException();
    assertThatCode(() -> inputs.refuse(model.resolve("new"), "-o")).doesNotThrowAnyException();
  }

  private static void refused(Inputs inputs, Path output, String reason) {
    assertThatThrownBy(() -> inputs.refuse(output, "--html"))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("%s %s", output, reason)
        .hasMessageEndingWith("; pass --html with another name");
  }
}
