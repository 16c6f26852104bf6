package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Every tensor equals the one that mlx_lm.convert wrote from the same checkpoint, and so do
 * config.json and the index, byte for byte. The golden file holds their hashes; {@code
 * tools/make-mlx-golden.py} makes it.
 */
final class MlxGoldenTest {
  private static final JsonNode GOLDEN = Json.MAPPER.readTree(Phial.resource("mlx-golden.json"));

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream();
  }

  static Stream<String> converted() {
    return models().filter(model -> GOLDEN.get(model).valueStream().anyMatch(JsonNode::isObject));
  }

  @ParameterizedTest
  @MethodSource("converted")
  void foldersAreThoseOfMlxLm(String model) throws IOException {
    check(model, model);
  }

  /** The same weights in PyTorch pickles, and under the configuration of transformers 5. */
  @ParameterizedTest
  @CsvSource({"phi3-mini-4k-torch,phi3-mini-4k", "phi3-medium-128k-tf5,phi3-medium-128k"})
  void containersDoNotMatter(String model, String same) throws IOException {
    check(model, same);
  }

  private void check(String model, String same) throws IOException {
    Map<String, JsonNode> converted =
        GOLDEN.get(same).properties().stream()
            .filter(entry -> entry.getValue().isObject())
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    List<String> arguments = new ArrayList<>(List.of("quantize", Phial.model(model), "-o", "."));
    converted.keySet().forEach(setting -> arguments.addAll(List.of("--to", to(setting))));
    Phial.run(folder, arguments).succeeded();
    for (Map.Entry<String, JsonNode> entry : converted.entrySet()) {
      String setting = entry.getKey();
      check(
          "%s as %s".formatted(model, to(setting)),
          entry.getValue(),
          folder.resolve("%s-mlx-%s".formatted(model, label(setting))),
          model.equals(same));
    }
  }

  private static String to(String setting) {
    return setting.isEmpty() ? "mlx" : "mlx:" + setting;
  }

  private static String label(String setting) {
    return setting.isEmpty()
        ? "unquantized"
        : setting.replace(",q-group-size=", "-g").replace(",dtype=", "-");
  }

  /** What mlx_lm refuses is refused. */
  @ParameterizedTest
  @MethodSource("models")
  void refusesWhatMlxLmRefuses(String model) {
    for (Map.Entry<String, JsonNode> entry : GOLDEN.get(model).properties()) {
      if (!entry.getValue().isObject()) {
        Command.Result result =
            Phial.run(
                folder,
                List.of("quantize", Phial.model(model), "--to", to(entry.getKey()), "-o", "out"));
        assertThat(result.status()).isEqualTo(1);
        assertThat(result.err())
            .containsAnyOf("expected down_proj matrices", "the folder would not load");
        assertThat(folder).isEmptyDirectory();
      }
    }
  }

  private static void check(String what, JsonNode golden, Path output, boolean sameConfig)
      throws IOException {
    SafetensorsListing.of(output.resolve("model.safetensors"), "mlx")
        .isThatOf(golden, what, "tools/make-mlx-golden.py");
    assertThat(Phial.sha256(output.resolve("model.safetensors.index.json")))
        .as("index of %s", what)
        .isEqualTo(golden.get("index").asString());
    if (sameConfig) {
      assertThat(Phial.sha256(output.resolve("config.json")))
          .as("config.json of %s", what)
          .isEqualTo(golden.get("config").asString());
    }
  }
}
