package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Every weight, scale and zero point equals that of optimum-intel's export of the same checkpoint
 * and settings, and so does the graph, layer for layer, and those of tokenizer and detokenizer. The
 * golden file holds their hashes; {@code tools/make-openvino-golden.py} makes it.
 */
final class OpenvinoGoldenTest {
  private static final JsonNode GOLDEN =
      Json.MAPPER.readTree(Phial.resource("openvino-golden.json"));

  /** Whose graph is ours: optimum-intel's mask and its way to the experts take detours. */
  private static final Set<String> OWN_GRAPHS = Set.of("phi35-moe");

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream().filter(model -> GOLDEN.get(model).has("tokenizer"));
  }

  @ParameterizedTest
  @MethodSource("models")
  void graphsAreThoseOfOptimum(String model) {
    check(model, model);
  }

  /** The same weights in PyTorch pickles, and under the configuration of transformers 5. */
  @ParameterizedTest
  @CsvSource({"phi3-mini-4k-torch,phi3-mini-4k", "phi3-medium-128k-tf5,phi3-medium-128k"})
  void containersDoNotMatter(String model, String same) {
    check(model, same);
  }

  private void check(String model, String same) {
    Map<String, JsonNode> settings =
        GOLDEN.get(same).properties().stream()
            .filter(entry -> entry.getValue().has("constants"))
            .collect(Collectors.toMap(Map.Entry::getKey, Map.Entry::getValue));
    List<String> arguments = new ArrayList<>(List.of("quantize", Phial.model(model)));
    settings.keySet().forEach(setting -> arguments.addAll(List.of("--to", "openvino:" + setting)));
    Phial.run(folder, arguments).succeeded();
    settings.forEach((setting, golden) -> {
      Path output = folder.resolve("%s-openvino-%s".formatted(model, label(setting)));
      check(
          "%s as openvino:%s".formatted(model, setting),
          golden,
          output,
          golden.has("graph") && !OWN_GRAPHS.contains(same));
      for (String part : List.of("tokenizer", "detokenizer")) {
        assertThat(new OpenvinoGraph(output, "openvino_" + part).digest())
            .as("%s of %s", part, model)
            .isEqualTo(GOLDEN.get(same).get(part).asString());
      }
    });
  }

  private static String label(String setting) {
    return setting
        .replace(",group-size=-1", "-channel")
        .replace(",group-size=", "-g")
        .replace(",ratio=", "-r")
        .replace(",backup-precision=", "-")
        .replace(",group-size-fallback=", "-")
        .replace(",all-layers", "-all")
        .replace(",sym", "-sym");
  }

  private static void check(String what, JsonNode golden, Path output, boolean comparesGraph) {
    OpenvinoGraph graph = new OpenvinoGraph(output, "openvino_model");
    List<String> lines = graph.constants();
    List<String> expected = Arrays.asList(golden.get("lines").asString().split(" "));
    for (String line : lines) {
      assertThat(expected)
          .as("%s: %s; tools/make-openvino-golden.py show prints what optimum wrote", what, line)
          .contains(Phial.sha256(line.getBytes(StandardCharsets.UTF_8)).substring(0, 8));
    }
    String all = lines.stream().map(line -> line + "\n").collect(Collectors.joining());
    assertThat(Phial.sha256(all.getBytes(StandardCharsets.UTF_8)))
        .as(what)
        .isEqualTo(golden.get("constants").asString());
    if (comparesGraph) {
      assertThat(graph.digest()).as("graph of %s", what).isEqualTo(golden.get("graph").asString());
    }
  }
}
