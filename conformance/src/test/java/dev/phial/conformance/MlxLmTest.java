package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * mlx_lm loads what Phial wrote, and generates from it what it generates from its own conversion:
 * the same tokens of the prompt, the same logits to the last bit.
 */
final class MlxLmTest {
  /** Checkpoint, what Phial is asked for, and what mlx_lm.convert is asked for. */
  private static final List<List<String>> CASES =
      List.of(
          List.of("tiny-phi3", "mlx:4", "-q,--q-bits,4"),
          List.of("phi4-mini", "mlx:3,q-group-size=32", "-q,--q-bits,3,--q-group-size,32"),
          List.of("phi3-medium-128k", "mlx:mixed_3_6", "-q,--quant-predicate,mixed_3_6"),
          List.of("phi4", "mlx:nvfp4", "-q,--q-mode,nvfp4"),
          List.of("phi2", "mlx:5", "-q,--q-bits,5"),
          List.of("phi35-moe", "mlx:mxfp8", "-q,--q-mode,mxfp8"),
          List.of("phi3-mini-4k", "mlx:float16", "--dtype,float16"));

  @TempDir Path folder;

  @Test
  void mlxLmRunsWhatPhialWrote() {
    List<String> arguments = new ArrayList<>();
    for (List<String> given : CASES) {
      String output = given.get(0);
      Phial.run(
              folder,
              List.of("quantize", Phial.model(given.get(0)), "--to", given.get(1), "-o", output))
          .succeeded();
      arguments.addAll(List.of(Phial.model(given.get(0)), output, given.get(2)));
    }
    JsonNode results = Json.STRICT.readTree(Python.run(folder, "run_mlx.py", arguments));
    assertThat(results.size()).isEqualTo(CASES.size());
    for (Map.Entry<String, JsonNode> result : results.properties()) {
      JsonNode found = result.getValue().get("found");
      assertThat(found).as(result.getKey()).isEqualTo(result.getValue().get("expected"));
      assertThat(found.get("tokens").size()).as(result.getKey()).isEqualTo(24);
      assertThat(result.getValue().get("difference").asDouble()).as(result.getKey()).isZero();
    }
  }

  /** Codes that come from GGUF give what the numbers give that they stand for. */
  @Test
  void mlxLmRunsCarriedCodes() {
    List<String> arguments = new ArrayList<>();
    for (String type : List.of("Q4_0", "Q4_1", "Q5_0", "Q8_0")) {
      String source = folder.resolve(type + ".gguf").toString();
      Phial.call(
              List.of(
                  "quantize",
                  Phial.model("tiny-phi3"),
                  "--to",
                  "gguf:" + type + ",pure",
                  "-o",
                  source))
          .succeeded();
      String numbers = folder.resolve(type + "-numbers").toString();
      String carried = folder.resolve(type + "-carried").toString();
      for (List<String> to :
          List.of(
              List.of("mlx:float32", "-o", numbers),
              List.of("mlx", "--carry", "--dtype", "float32", "-o", carried))) {
        List<String> words =
            new ArrayList<>(
                List.of("quantize", source, "--original", Phial.model("tiny-phi3"), "--to"));
        words.addAll(to);
        Phial.call(words).succeeded();
      }
      arguments.addAll(List.of(numbers, carried, "--dtype,float32"));
    }
    JsonNode results = Json.STRICT.readTree(Python.run(folder, "run_mlx.py", arguments));
    assertThat(results.size()).isEqualTo(4);
    for (Map.Entry<String, JsonNode> result : results.properties()) {
      JsonNode found = result.getValue().get("found");
      assertThat(found).as(result.getKey()).isEqualTo(result.getValue().get("expected"));
      assertThat(result.getValue().get("difference").asDouble())
          .as(result.getKey())
          .isLessThan(1e-3); // sums in another order
    }
  }
}
