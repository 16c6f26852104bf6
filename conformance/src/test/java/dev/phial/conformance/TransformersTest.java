package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;
import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/**
 * transformers loads the folders that Phial wrote for PyTorch, and computes what our own engine
 * computes of them: the same logits, the same tokens.
 */
final class TransformersTest {
  private static final Offset<Float> CLOSE = Offset.offset(1e-3f);
  private static final String IDS = "13,1979,682,683,1959,13,1962,270,275";
  private static final int COUNT = 16;

  /**
   * What compressed-tensors rounds its products to, where scales are so, and of nvfp4 always: our
   * engine does not round them.
   */
  private static final Offset<Float> CLOSE_IN_BFLOAT16 = Offset.offset(5e-2f);

  /**
   * Both round activations alike, but some lie on the border between two codes: a change of the
   * inputs by a millionth makes as much.
   */
  private static final Offset<Float> CLOSE_IN_CODES = Offset.offset(0.15f);

  /**
   * Checkpoint, in single precision so that nothing is rounded but codes, and target; GPTQ and AWQ
   * need gptqmodel, which is not there.
   */
  private static final List<List<String>> CASES =
      List.of(
          List.of("tiny-phi3", "torch:w4a16"),
          List.of("tiny-phi3", "torch:w4a16,asymmetric"),
          List.of("tiny-phi3", "torch:w4a16,group-size=32"),
          List.of(
              "tiny-phi3", "torch:w4a16,ignore=re:.*o_proj,ignore=model.layers.0.mlp.down_proj"),
          List.of("tiny-phi3", "torch:w8a16"),
          List.of("tiny-phi3", "torch:w8a16,asymmetric"),
          List.of("tiny-phi3", "torch:w8a8"),
          List.of("tiny-phi3", "torch:fp8"),
          List.of("tiny-phi3", "torch:fp8,strategy=block"),
          List.of("tiny-phi3", "torch:mxfp4"),
          List.of("tiny-phi3", "torch:mxfp8"),
          List.of("tiny-phi3", "torch:nvfp4"),
          List.of("tiny-phi3", "torch:fp32"),
          List.of("phi2", "torch:w4a16"),
          List.of("phi4-mini", "torch:w4a16"),
          List.of("phi35-moe", "torch:w4a16"),
          List.of("phi-tiny-moe", "torch:w4a16,group-size=64"));

  @TempDir Path folder;

  @Test
  void transformersComputesWhatTheEngineDoes() {
    Map<String, String> outputs = new LinkedHashMap<>();
    for (String model : CASES.stream().map(List::getFirst).distinct().toList()) {
      quantize(Phial.model(model), "torch:fp32", folder.resolve(model).toString());
    }
    for (List<String> given : CASES) {
      String output =
          folder.resolve(String.join("-", given).replaceAll("[^\\w.-]", "-")).toString();
      quantize(folder.resolve(given.getFirst()).toString(), given.getLast(), output);
      outputs.put(output, String.join(" as ", given));
    }
    String rounded = folder.resolve("rounded").toString();
    quantize(Phial.model("tiny-phi3"), "torch:w4a16", rounded);
    outputs.put(rounded, "tiny-phi3 in bfloat16 as torch:w4a16");
    List<String> arguments = new ArrayList<>(List.of(IDS, String.valueOf(COUNT)));
    arguments.addAll(outputs.keySet());
    JsonNode results = Json.STRICT.readTree(Python.runTorch(folder, "run_torch.py", arguments));
    outputs.forEach((output, what) -> {
      JsonNode found = results.get(output);
      assertThat(found.get("lost").size()).as("parameters of %s", what).isZero();
      long[] ids = Arrays.stream(IDS.split(",")).mapToLong(Long::parseLong).toArray();
      boolean roundsInputs = what.matches(".*torch:(w8a8|fp8.*)");
      boolean isRounded = roundsInputs || output.equals(rounded) || what.endsWith("nvfp4");
      float[] logits = OnnxLogits.ofEngine(Path.of(output), ids);
      for (int i = 0; i < logits.length; i++) {
        assertThat((float) found.get("logits").get(i).asDouble())
            .as("logit %d of %s", i, what)
            .isCloseTo(
                logits[i], roundsInputs ? CLOSE_IN_CODES : isRounded ? CLOSE_IN_BFLOAT16 : CLOSE);
      }
      if (isRounded) {
        return; // a tie may go the other way
      }
      for (JsonNode token : found.get("tokens")) {
        float[] next = OnnxLogits.ofEngine(Path.of(output), ids);
        int best = 0;
        for (int i = 1; i < next.length; i++) {
          best = next[i] > next[best] ? i : best;
        }
        assertThat(token.asInt()).as("a token of %s", what).isEqualTo(best);
        ids = LongStream.concat(Arrays.stream(ids), LongStream.of(best)).toArray();
      }
    });
  }

  private static void quantize(String model, String to, String output) {
    Phial.call(List.of("quantize", model, "--to", to, "-o", output)).succeeded();
  }
}
