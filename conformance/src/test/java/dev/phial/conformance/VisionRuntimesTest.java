package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
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

  @TempDir Path folder;

  @ParameterizedTest
  @ValueSource(strings = {"openvino:fp32", "openvino:fp16"})
  void seesWhatTheEngineSees(String target) throws IOException {
    Path model = SeeingCheckpoint.write(folder, 1);
    Phial.run(folder, List.of("quantize", model.toString(), "--to", target, "-o", "out"))
        .succeeded();
    for (int shift : List.of(0, 100)) {
      Path image = picture(shift);
      JsonNode expected = look(model, image);
      JsonNode found = generate("out", image);
      assertThat(found.get("prompt_tokens")).isEqualTo(expected.get("prompt_tokens"));
      assertThat(found.get("text")).isEqualTo(expected.get("text"));
    }
  }

  /** Small integers change what is seen, and a folder of them is loaded all the same. */
  @Test
  void runsEightAndFourBits() throws IOException {
    Path model = SeeingCheckpoint.write(folder, 4);
    Phial.run(folder, List.of("quantize", model.toString(), "--to", "openvino:int4", "-o", "out"))
        .succeeded();
    JsonNode found = generate("out", picture(0));
    assertThat(found.get("prompt_tokens").intValue()).isGreaterThan(5 * 144);
    assertThat(found.get("text").asString()).isNotEmpty();
  }

  /** What is read back of a folder that sees is the text model of the checkpoint. */
  @Test
  void textModelsAreReadBack() {
    Path model = SeeingCheckpoint.write(folder, 1);
    for (String options : List.of("", ",text-only")) {
      String out = folder.resolve("out" + options.length()).toString();
      Phial.run(
              folder,
              List.of("quantize", model.toString(), "--to", "openvino:fp32" + options, "-o", out))
          .succeeded();
      Command.Result compared =
          Phial.run(folder, List.of("compare", model.toString(), out)).succeeded();
      assertThat(compared.out()).contains("15 same values").doesNotContain("different");
      assertThat(Files.exists(Path.of(out, "openvino_model.xml"))).isEqualTo(!options.isEmpty());
    }
  }

  /** What our engine says of an image. */
  private JsonNode look(Path model, Path image) {
    List<String> arguments =
        List.of(
            "run",
            model.toString(),
            "--image",
            image.toString(),
            "-p",
            PROMPT,
            "-n",
            Integer.toString(GENERATED),
            "--temperature",
            "0",
            "--ignore-eos",
            "--json");
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

  /** Bands of colours, as a BMP, which is read without a library. */
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
    Path file = folder.resolve("picture-%d.bmp".formatted(shift));
    ImageIO.write(image, "bmp", file.toFile());
    return file;
  }
}
