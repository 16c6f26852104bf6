package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * ONNX Runtime computes from our folders what transformers computes from the checkpoints, and ONNX
 * Runtime GenAI generates what it generates from the folders of its own model builder. {@code
 * tools/make-onnx-golden.py} makes the golden file.
 */
final class OnnxRuntimeTest {
  private static final JsonNode GOLDEN =
      new JsonMapper().readTree(Phial.resource("onnx-logits.json"));

  /** The golden file has the logits of one token in so many. */
  private static final int STEP = 47;

  @TempDir Path folder;

  static Stream<String> models() {
    return GOLDEN.propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void logitsAreThoseOfTransformers(String model) throws OrtException, IOException {
    Path output = export(model, "fp32");
    for (String text : List.of("short", "long")) { // on both sides of LongRoPE's boundary
      JsonNode golden = GOLDEN.get(model).get(text);
      if (golden == null) {
        continue;
      }
      float[] logits = OnnxLogits.of(output, longs(golden.get("ids")));
      JsonNode expected = golden.get("logits");
      for (int i = 0; i < expected.size(); i++) {
        assertThat(logits[i * STEP])
            .as("%s text, token %d", text, i * STEP)
            .isCloseTo(expected.get(i).floatValue(), within(1e-4f));
      }
    }
  }

  /** Close enough that the next token is mostly the same: a graph that is wrong is not. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "int8",
        "int4,asymmetric",
        "int4,algo=rtn",
        "int4,algo=k_quant",
        "int4,qdq",
        "int4,mixed=last_matmul,mixed=mixed_layers",
        "int4,ep=cuda",
        "fp16,ep=webgpu",
        "fp16,ep=dml"
      })
  void everyPrecisionRuns(String spelling) throws OrtException, IOException {
    JsonNode golden = GOLDEN.get("tiny-phi3").get("short");
    Path output = export("tiny-phi3", spelling);
    float[] logits = OnnxLogits.of(output, longs(golden.get("ids")));
    JsonNode expected = golden.get("logits");
    double error = 0;
    for (int i = 0; i < expected.size(); i++) {
      error += Math.pow(logits[i * STEP] - expected.get(i).doubleValue(), 2);
    }
    assertThat(Math.sqrt(error / expected.size())).isLessThan(0.5); // they spread by 4
    double[] difference = new double[logits.length];
    float[] ours = OnnxLogits.ofEngine(output, longs(golden.get("ids")));
    Arrays.setAll(difference, i -> (double) logits[i] - ours[i]);
    double sum = Arrays.stream(difference).map(d -> d * d).sum();
    // ONNX Runtime rounds activations to 8 bits for MatMulNBits
    assertThat(Math.sqrt(sum / logits.length)).isLessThan(0.1);
  }

  @ParameterizedTest
  @MethodSource("models")
  void genaiGeneratesWhatTransformersDoes(String model) {
    assertThat(generated(model, "fp32")).isEqualTo(ints(GOLDEN.get(model).get("greedy")));
  }

  static Stream<String> modelsOfTheBuilder() {
    return models().filter(model -> GOLDEN.get(model).has("greedy_int4"));
  }

  @ParameterizedTest
  @MethodSource("modelsOfTheBuilder")
  void genaiGeneratesWhatItDoesFromTheBuildersFolder(String model) {
    assertThat(generated(model, "int4")).isEqualTo(ints(GOLDEN.get(model).get("greedy_int4")));
  }

  private List<Integer> generated(String model, String spelling) {
    JsonNode golden = GOLDEN.get(model);
    List<String> arguments = new ArrayList<>();
    arguments.add(export(model, spelling).toString());
    arguments.add(Integer.toString(golden.get("greedy").size()));
    golden.get("short").get("ids").forEach(id -> arguments.add(id.asString()));
    return ints(new JsonMapper().readTree(Python.run(folder, "generate_onnx.py", arguments)));
  }

  private Path export(String model, String spelling) {
    Path output = folder.resolve("onnx");
    Phial.run(
            folder,
            List.of(
                "quantize",
                Phial.model(model),
                "--to",
                "onnx:" + spelling,
                "-o",
                output.toString()))
        .succeeded();
    return output;
  }

  private static long[] longs(JsonNode list) {
    return list.valueStream().mapToLong(JsonNode::longValue).toArray();
  }

  private static List<Integer> ints(JsonNode list) {
    return list.valueStream().map(JsonNode::intValue).toList();
  }
}
