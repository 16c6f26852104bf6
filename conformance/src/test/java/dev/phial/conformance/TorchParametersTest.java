package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * Folders for PyTorch have the parameters that loaders ask for, and compressed-tensors finds the
 * same numbers in them as Phial.
 */
final class TorchParametersTest {
  private static final Pattern PARAMETER = Pattern.compile("`(\\.\\w+)` (\\w+) `\\[([^]]+)]`");

  private static final int HIDDEN = 256;
  private static final int INNER = 1024;

  /** Outputs and inputs of the layers of the model. */
  private static final Map<String, Map<String, Integer>> LAYERS =
      Map.of(
          "self_attn.qkv_proj", Map.of("n", 3 * HIDDEN, "h", HIDDEN),
          "self_attn.o_proj", Map.of("n", HIDDEN, "h", HIDDEN),
          "mlp.gate_up_proj", Map.of("n", 2 * INNER, "h", HIDDEN),
          "mlp.down_proj", Map.of("n", HIDDEN, "h", INNER));

  @TempDir static Path folder;

  /** By what stands after {@code --to}: what docs/formats.md says. */
  private static final Map<String, String> TABLE = new LinkedHashMap<>();

  @BeforeAll
  static void writeAll() throws IOException {
    Files.readString(Phial.ROOT.resolve("docs/formats.md"))
        .lines()
        .dropWhile(line -> !line.equals("#### Parameters of a linear layer"))
        .takeWhile(line -> !line.startsWith("Families"))
        .filter(line -> line.startsWith("| `"))
        .map(line -> line.split(" \\| ", 2))
        .forEach(cells -> TABLE.put(cells[0].replaceAll("[| `]", ""), cells[1]));
    assertThat(TABLE).hasSizeGreaterThan(9);
    for (String to : TABLE.keySet()) {
      quantize(Phial.model("tiny-phi3"), to, output(to));
    }
  }

  @Test
  void layersHaveTheParametersOfTheTable() {
    TABLE.forEach((to, parameters) -> {
      List<String> found =
          SafetensorsListing.of(output(to).resolve("model.safetensors"), "pt").lines().stream()
              .map(line -> line.substring(0, line.lastIndexOf(' ')))
              .filter(line -> line.matches("model.layers.0.*_proj.*"))
              .toList();
      List<String> expected = new ArrayList<>();
      LAYERS.forEach((layer, sizes) ->
          PARAMETER
              .matcher(parameters)
              .results()
              .map(parameter -> "model.layers.0." + layer + line(parameter, sizes))
              .forEach(expected::add));
      assertThat(found).as(to).containsExactlyInAnyOrderElementsOf(expected);
    });
  }

  private static String line(MatchResult parameter, Map<String, Integer> sizes) {
    String shape =
        Arrays.stream(parameter.group(3).split(", "))
            .map(size -> String.valueOf(value(size, sizes)))
            .collect(Collectors.joining("x"));
    return "%s %s %s".formatted(parameter.group(1), parameter.group(2), shape);
  }

  /** Of a number, a letter, or a letter by a number. */
  private static int value(String size, Map<String, Integer> sizes) {
    String[] parts = size.split("/", 2);
    int number = sizes.containsKey(parts[0]) ? sizes.get(parts[0]) : Integer.parseInt(parts[0]);
    return parts.length == 1 ? number : number / Integer.parseInt(parts[1]);
  }

  @Test
  void compressedTensorsFindsTheSameNumbers() {
    List<String> arguments = new ArrayList<>();
    for (String to : TABLE.keySet()) {
      if (to.startsWith("torch:")) {
        Path numbers = folder.resolve("numbers-" + output(to).getFileName());
        quantize(output(to).toString(), "torch:fp32", numbers);
        arguments.addAll(List.of(output(to).toString(), numbers.toString()));
      }
    }
    JsonNode results =
        Json.STRICT.readTree(Python.runTorch(folder, "decompress_torch.py", arguments));
    assertThat(results).hasSize(arguments.size() / 2);
    results
        .properties()
        .forEach(result -> {
          assertThat(result.getValue().path("layers").asInt()).as(result.getKey()).isEqualTo(16);
          assertThat(result.getValue().path("largest").asDouble())
              .as(result.getKey())
              .isLessThanOrEqualTo(result.getKey().endsWith("nvfp4") ? 0x1p-7 : 0);
        });
  }

  private static Path output(String to) {
    return folder.resolve(to.replaceAll("\\W", "-"));
  }

  private static void quantize(String model, String to, Path output) {
    Phial.call(List.of("quantize", model, "--to", to, "-o", output.toString())).succeeded();
  }
}
