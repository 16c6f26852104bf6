package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import dev.phial.engine.run.Team;
import dev.phial.engine.vision.Picture;
import dev.phial.engine.vision.Viewer;
import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;

/**
 * Runtimes see in our folders what our engine sees in the checkpoint, which {@code
 * VisionEncoderTest} holds to transformers. Images are of the size that nobody has to change:
 * runtimes make them smaller in ways of their own.
 */
final class VisionRuntimesTest {
  private static final int SIDE = 336;
  private static final int GENERATED = 12;
  private static final String PROMPT = "Look: <|image_1|>\nWhat is this?";
  private static final String TEXT = "What light through yonder window breaks?";

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"openvino:fp32", "openvino:fp16"})
  void openvinoSeesWhatTheEngineSees(String target) throws IOException {
    Path model = SeeingCheckpoint.write(folder, 1);
    Phial.run(folder, List.of("quantize", model.toString(), "--to", target, "-o", "out"))
        .succeeded();
    for (int shift : List.of(0, 100)) {
      Path image = Path.of(picture(shift) + ".bmp");
      JsonNode expected = look(model, image);
      JsonNode found = generate("out", image);
      assertThat(found.get("prompt_tokens")).isEqualTo(expected.get("prompt_tokens"));
      assertThat(found.get("text").asString()).isEqualTo(plain(expected.get("text").asString()));
    }
  }

  /**
   * ONNX Runtime GenAI makes sixteen squares of any square image, so what the encoder makes of one
   * is compared; then it answers, and without an image as the engine does.
   */
  @ParameterizedTest
  @ValueSource(strings = {"onnx:fp32", "onnx:int4"})
  void onnxSeesWhatTheEngineSees(String target) throws IOException {
    Path model = SeeingCheckpoint.write(folder, 1);
    Phial.run(folder, List.of("quantize", model.toString(), "--to", target, "-o", "out"))
        .succeeded();
    Path image = picture(0);
    JsonNode found =
        Json.STRICT.readTree(
            Python.run(
                folder,
                "run_onnx_vision.py",
                List.of("out", image.toString(), PROMPT, TEXT, Integer.toString(GENERATED))));
    float[] expected = rows(model, Path.of(image + ".bmp"));
    JsonNode numbers = found.at("/features/numbers");
    assertThat(found.at("/features/rows").intValue()).isEqualTo(12 * 13 + 1 + 12 * 13);
    assertThat(numbers).hasSize((expected.length + 28) / 29);
    float tolerance = target.endsWith("fp32") ? 1e-3f : 1; // eight bits, and far from zero
    for (int i = 0; i < numbers.size(); i++) {
      assertThat(numbers.get(i).floatValue())
          .as("number %d", i)
          .isCloseTo(expected[29 * i], within(tolerance));
    }
    assertThat(found.at("/image/prompt_tokens").intValue()).isGreaterThan(17 * 144);
    assertThat(found.at("/image/ids")).hasSize(GENERATED);
    assertThat(found.at("/text/ids")).hasSize(GENERATED);
    if (target.endsWith("fp32")) { // with four bits it rounds activations too
      assertThat(found.at("/text/ids")).isEqualTo(answer("out", "-p", TEXT).get("ids"));
    }
  }

  /**
   * A text as OpenVINO GenAI gives it back: without special tokens and the space it begins with.
   */
  private static String plain(String text) {
    return text.replaceAll("<\\|\\w+\\|>", "").strip();
  }

  /** What our engine sees. */
  private static float[] rows(Path model, Path image) {
    try (Checkpoint checkpoint = Sources.open(model);
        Team team = new Team(2)) {
      return Viewer.of(checkpoint, team).look(Picture.read(image));
    }
  }

  /** Small integers change what is seen, and a folder of them is loaded all the same. */
  @Test
  void openvinoRunsEightAndFourBits() throws IOException {
    Path model = SeeingCheckpoint.write(folder, 4);
    Phial.run(folder, List.of("quantize", model.toString(), "--to", "openvino:int4", "-o", "out"))
        .succeeded();
    JsonNode found = generate("out", Path.of(picture(0) + ".bmp"));
    assertThat(found.get("prompt_tokens").intValue()).isGreaterThan(5 * 144);
    assertThat(found.get("text").asString()).isNotEmpty();
  }

  /** What is read back of a folder that sees is the text model of the checkpoint. */
  @ParameterizedTest
  @ValueSource(strings = {"openvino", "onnx"})
  void textModelsAreReadBack(String target) {
    Path model = SeeingCheckpoint.write(folder, 1);
    for (String options : List.of("", ",text-only")) {
      String out = folder.resolve("out" + options.length()).toString();
      Phial.run(
              folder,
              List.of("quantize", model.toString(), "--to", target + ":fp32" + options, "-o", out))
          .succeeded();
      Command.Result compared =
          Phial.run(folder, List.of("compare", model.toString(), out)).succeeded();
      assertThat(compared.out()).contains("15 same values").doesNotContain("different");
      assertThat(Files.exists(Path.of(out, "preprocessor_config.json")))
          .isEqualTo(options.isEmpty() && target.equals("openvino"));
      assertThat(Files.exists(Path.of(out, "processor_config.json")))
          .isEqualTo(options.isEmpty() && target.equals("onnx"));
    }
  }

  /** What our engine says of an image. */
  private JsonNode look(Path model, Path image) {
    return answer(model.toString(), "--image", image.toString(), "-p", PROMPT);
  }

  private JsonNode answer(String... modelAndPrompt) {
    List<String> arguments = new ArrayList<>(List.of("run"));
    arguments.addAll(List.of(modelAndPrompt));
    arguments.addAll(List.of("-n", "" + GENERATED, "--temperature", "0", "--ignore-eos", "--json"));
    return Json.STRICT.readTree(Phial.run(folder, arguments).succeeded().out());
  }

  /** What OpenVINO GenAI says of it. */
  private JsonNode generate(String model, Path image) {
    return Json.STRICT.readTree(
        Python.run(
            folder,
            "run_openvino_vision.py",
            List.of(model, image.toString(), PROMPT, Integer.toString(GENERATED))));
  }

  /**
   * Bands of colours, as PNG and as BMP, which is read without a library; the name without ending.
   */
  private Path picture(int shift) throws IOException {
    BufferedImage image = new BufferedImage(SIDE, SIDE, BufferedImage.TYPE_INT_RGB);
    for (int y = 0; y < SIDE; y++) {
      for (int x = 0; x < SIDE; x++) {
        int red = (int) (127 + 120 * Math.sin((x + shift) / 9.0 + y / 31.0));
        int green = 255 * (x + y) / (2 * SIDE);
        int blue = (int) (127 + 120 * Math.cos((x + shift) * y / 2000.0));
        image.setRGB(x, y, red << 16 | green << 8 | blue);
      }
    }
    String name = "picture-" + shift;
    for (String format : List.of("bmp", "png")) {
      ImageIO.write(image, format, folder.resolve(name + "." + format).toFile());
    }
    return folder.resolve(name);
  }
}
