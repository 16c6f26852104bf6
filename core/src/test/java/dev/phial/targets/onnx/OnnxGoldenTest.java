package dev.phial.targets.onnx;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Every tensor, in the order of the data file, every node and genai_config.json equal what the
 * model builder of ONNX Runtime GenAI wrote from the same checkpoint. {@code
 * tools/make-onnx-golden.py} makes the golden file.
 */
final class OnnxGoldenTest {
  private static final JsonNode GOLDEN = golden("onnx-golden.json");
  private static final JsonNode GRAPHS = golden("onnx-graphs.json.gz");

  private static JsonNode golden(String name) {
    try (InputStream in = Objects.requireNonNull(OnnxGoldenTest.class.getResourceAsStream(name))) {
      return Json.MAPPER.readTree(name.endsWith(".gz") ? new GZIPInputStream(in) : in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  static Stream<Arguments> exports() {
    List<Arguments> exports = new ArrayList<>();
    for (Map.Entry<String, JsonNode> model : GOLDEN.properties()) {
      for (String export : model.getValue().propertyNames()) {
        exports.add(Arguments.of(model.getKey(), export));
      }
    }
    return exports.stream();
  }

  @ParameterizedTest(name = "{0} {1}")
  @MethodSource("exports")
  void equalsTheModelBuilder(String model, String spelling, @TempDir Path folder) {
    Export export = Export.write(Export.MODELS.resolve(model), spelling, folder);
    Map<String, String> tensors = export.tensors();
    tensors.keySet().removeIf(name -> name.equals("cos_cache") || name.equals("sin_cache"));
    assertThat(tensors.entrySet().stream().map(e -> e.getKey() + " " + e.getValue()))
        .containsExactlyElementsOf(
            expected(model, spelling, "tensors").properties().stream()
                .map(e -> e.getKey() + " " + e.getValue().stringValue())
                .toList());
    assertThat(Export.values(export.model().getGraph().getInputList()))
        .isEqualTo(texts(expected(model, spelling, "inputs")));
    assertThat(Export.values(export.model().getGraph().getOutputList()))
        .isEqualTo(texts(expected(model, spelling, "outputs")));
    if (GRAPHS.path(model).has(spelling)) { // those of Phi-3-small are made by other means
      // the builder gives Phi-2 the epsilon of another norm
      assertThat(
              GraphLines.of(export.model().getGraph()).stream()
                  .map(line -> model.equals("phi2") ? line.replace("=1e-05", "=1e-06") : line))
          .containsExactlyInAnyOrderElementsOf(texts(GRAPHS.get(model).get(spelling)));
    }
    assertThat(Json.MAPPER.readTree(export.folder().resolve(GenaiConfig.NAME)))
        .isEqualTo(expected(model, spelling, "genai_config"));
  }

  /** What is not written about an export is as in the model's first one. */
  private static JsonNode expected(String model, String spelling, String key) {
    JsonNode export = GOLDEN.get(model).get(spelling);
    return export.has(key) ? export.get(key) : GOLDEN.get(model).iterator().next().get(key);
  }

  private static List<String> texts(JsonNode list) {
    return list.valueStream().map(JsonNode::stringValue).toList();
  }
}
