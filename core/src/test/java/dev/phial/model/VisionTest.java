package dev.phial.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Encoders of images, and what is wrong with them. What they compute is the engine's to test. */
final class VisionTest {
  private static final Path MODEL = Fixtures.model("phi4-reasoning-vision");

  @TempDir Path folder;

  @Test
  void knowsItsSizes() {
    try (Checkpoint checkpoint = Sources.open(MODEL)) {
      Vision vision = Vision.of(checkpoint).orElseThrow();
      assertThat(vision.kind()).isEqualTo(VisionKind.NAFLEX);
      assertThat(vision.hidden()).isEqualTo(64);
      assertThat(vision.layers()).isEqualTo(2); // of three
      assertThat(vision.heads()).isEqualTo(4);
      assertThat(vision.patch()).isEqualTo(16);
      assertThat(vision.side()).isEqualTo(16);
      assertThat(vision.find(VisionRole.CLASS, -1, Part.WEIGHT)).isEmpty();
    }
    try (Checkpoint checkpoint = Sources.open(Fixtures.model("tiny-phi3"))) {
      assertThat(Vision.of(checkpoint)).isEmpty();
    }
  }

  /** Names of as many letters, so that nothing else moves. */
  @ParameterizedTest
  @CsvSource({
    "vision_model.encoder.layers.1.mlp.fc1.bias, vision_model.encoder.layers.1.mlp.fc3.bias, found one that has no place",
    "vision_model.encoder.layers.1.mlp.fc1.bias, vision_model.encoder.layers.9.mlp.fc1.bias, ffn up bias in layer 1",
    "model.mm_projector.2.bias, model.mm_projector.4.bias, projector down bias"
  })
  void refusesEncodersThatAreNotWhole(String from, String to, String message) throws IOException {
    Files.copy(MODEL.resolve("config.json"), folder.resolve("config.json"));
    byte[] bytes = Files.readAllBytes(MODEL.resolve("model.safetensors"));
    String text = new String(bytes, StandardCharsets.ISO_8859_1).replace(from, to);
    Files.write(folder.resolve("model.safetensors"), text.getBytes(StandardCharsets.ISO_8859_1));
    refused(message);
  }

  @ParameterizedTest
  @CsvSource({
    "'\"num_attention_heads\": 4,\n    \"num_channels\"', '\"num_attention_heads\": 5,\n    \"num_channels\"', 5 heads",
    "'\"hidden_size\": 256', '\"hidden_size\": 128', to the 128 numbers of the text model"
  })
  void refusesSizesThatDoNotFit(String from, String to, String message) throws IOException {
    String config = Files.readString(MODEL.resolve("config.json"));
    assertThat(config).contains(from);
    Files.writeString(folder.resolve("config.json"), config.replace(from, to));
    Files.copy(MODEL.resolve("model.safetensors"), folder.resolve("model.safetensors"));
    refused(message);
  }

  private void refused(String message) {
    try (Checkpoint checkpoint = Sources.open(folder)) {
      assertThatThrownBy(() -> Vision.of(checkpoint))
          .isInstanceOf(PhialException.BadInput.class)
          .hasMessageStartingWith(folder.toString())
          .hasMessageContaining(message);
    }
  }
}
