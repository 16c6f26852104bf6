package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;

/**
 * Every tensor equals the one that llm-compressor (compressed-tensors), auto-round (GPTQ, AWQ) or
 * bitsandbytes wrote from the same checkpoint without calibration. The golden file holds their
 * hashes; {@code tools/make-torch-golden.py} makes it.
 */
final class TorchGoldenTest {
  private static final JsonNode GOLDEN = Json.MAPPER.readTree(Phial.resource("torch-golden.json"));

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void tensorsAreThoseOfTheTools(String model) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("quantize", Phial.model(model), "-o", "."));
    GOLDEN.get(model).propertyNames().forEach(to -> arguments.addAll(List.of("--to", to)));
    Phial.run(folder, arguments).succeeded();
    for (Map.Entry<String, JsonNode> entry : GOLDEN.get(model).properties()) {
      Path output = folder.resolve(name(model, entry.getKey()));
      SafetensorsListing.of(output.resolve("model.safetensors"), "pt")
          .isThatOf(
              entry.getValue(),
              "%s as %s".formatted(model, entry.getKey()),
              "tools/make-torch-golden.py");
      JsonNode config = Json.STRICT.readTree(Files.readString(output.resolve("config.json")));
      assertThat(config.get("quantization_config").get("quant_method").asString())
          .isIn("compressed-tensors", "gptq", "awq", "bitsandbytes");
    }
  }

  private static String name(String model, String to) {
    return "%s-%s"
        .formatted(
            model,
            to.replace(':', '-')
                .replace(",strategy=", "-")
                .replace(",group-size=-1", "-channel")
                .replace(",asymmetric,group-size=32", "-g32-asym")
                .replace(",group-size=", "-g")
                .replace(",asymmetric", "-asym"));
  }
}
