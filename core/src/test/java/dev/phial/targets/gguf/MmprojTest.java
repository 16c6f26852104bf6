package dev.phial.targets.gguf;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.Fixtures;
import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Recipe;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Layout;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.node.ObjectNode;

/** The encoder beside a model, and encoders that are not what they say. */
final class MmprojTest {
  private static final Path MODEL = Fixtures.model("phi4-reasoning-vision");

  @TempDir Path folder;

  private static Layout plan(Path model, String type) {
    try (Checkpoint checkpoint = Sources.open(model)) {
      return new GgufTarget()
          .plan(
              new Request(
                  checkpoint,
                  Families.describe(checkpoint),
                  Optional.of("Q4_K_M"),
                  new Options(Map.of("mmproj", List.of(type)))));
    }
  }

  @Test
  void liesBesideTheModel() {
    Layout layout = plan(MODEL, "q8_0");
    assertThat(layout.files(Path.of("out.gguf")))
        .containsExactly(Path.of("out.gguf"), Path.of("out-mmproj-q8_0.gguf"));
    assertThat(layout.plan().tensors().stream().map(PlannedTensor::name))
        .contains("v.blk.1.ffn_down.weight", "mm.2.bias", "v.position_embd.weight")
        .noneMatch(name -> name.startsWith("v.blk.2.")); // the last layer is not used
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '"',
      value = {
        "out.gguf, out-mmproj-f16.gguf",
        "out, out-mmproj-f16.gguf",
        "out-00001-of-00002.gguf, out-mmproj-f16.gguf",
        "an out.gguf', an out-mmproj-f16.gguf'",
      })
  void theCommandNamesIt(String path, String name) {
    assertThat(Mmproj.beside(path, Recipe.F16)).isEqualTo(name);
  }

  static Stream<Arguments> damage() {
    return Stream.of(
        config("config.json", "vision_config", config -> config.remove("vision_config")),
        config("config.json", "found more", config -> vision(config).put("num_hidden_layers", 2)),
        config("config.json", "v.blk.3.", config -> vision(config).put("num_hidden_layers", 5)),
        config("config.json", "expected shape", config -> vision(config).put("hidden_size", 32)),
        config("config.json", "expected shape", c -> vision(c).put("intermediate_size", 32)),
        config("preprocessor_config.json", "7 × 7 pixels", c -> c.put("patch_size", 7)),
        config("preprocessor_config.json", "patch_size", c -> c.remove("patch_size")),
        config("preprocessor_config.json", "image_mean", c -> c.putArray("image_mean").add(1)));
  }

  private static Arguments config(String file, String message, Consumer<ObjectNode> harm) {
    return Arguments.of(file, message, harm);
  }

  private static ObjectNode vision(ObjectNode config) {
    return (ObjectNode) config.path("vision_config");
  }

  @ParameterizedTest
  @MethodSource("damage")
  void saysWhatIsWrong(String file, String message, Consumer<ObjectNode> harm) throws IOException {
    try (Stream<Path> files = Files.list(MODEL)) {
      for (Path from : files.toList()) {
        Files.copy(from, folder.resolve(from.getFileName()));
      }
    }
    ObjectNode json = (ObjectNode) Json.MAPPER.readTree(folder.resolve(file).toFile());
    harm.accept(json);
    Files.writeString(folder.resolve(file), json.toString());
    assertThatThrownBy(() -> plan(folder, "f16"))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining(message);
  }

  @Test
  void isOfOneModelOnly() {
    assertThatThrownBy(() -> plan(Fixtures.model("phi4"), "f16"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("--mmproj");
    assertThatThrownBy(() -> plan(MODEL, "q4_k"))
        .isInstanceOf(PhialException.Usage.class)
        .hasMessageContaining("expected f32, f16, bf16 or q8_0, found q4_k");
  }
}
