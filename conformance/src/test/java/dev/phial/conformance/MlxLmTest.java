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
}
