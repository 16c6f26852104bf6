package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.OrtException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

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
    Path output = export(Phial.model(model), "fp32");
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
    Path output = export(Phial.model("tiny-phi3"), spelling);
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

  /**
   * In the layers of Phi-3-small that attend to blocks, texts of more than two blocks have blocks
   * that a head does not see.
   */
  @ParameterizedTest
  @ValueSource(ints = {32, 150, 400})
  void blocksAreThoseOfTheEngine(int tokens) throws OrtException, IOException {
    assertThatLogitsAreTheEngines(export(Phial.model("phi3-small-8k"), "fp32"), tokens);
  }

  private static void assertThatLogitsAreTheEngines(Path output, int tokens)
      throws OrtException, IOException {
    long[] ids = LongStream.range(0, tokens).map(i -> (i * i * 7 + 3 * i) % 2000).toArray();
    float[] logits = OnnxLogits.of(output, ids);
    float[] ours = OnnxLogits.ofEngine(output, ids);
    for (int i = 0; i < ours.length; i++) {
      boolean isNever = ours[i] < -1e30 && logits[i] < -1e30;
      assertThat(logits[i]).isCloseTo(ours[i], within(isNever ? Float.MAX_VALUE : 1e-4f));
    }
  }

  /** No checkpoint of 128k tokens is small, so a small one is told that it is one. */
  @ParameterizedTest
  @ValueSource(ints = {100, 300})
  void blocksKnowLongRope(int tokens) throws OrtException, IOException {
    Path small = Path.of(Phial.model("phi3-small-8k"));
    Path model = Files.createDirectory(folder.resolve("model"));
    for (String file : List.of("model.safetensors", "tokenizer.json", "tokenizer_config.json")) {
      Files.copy(small.resolve(file), model.resolve(file));
    }
    ObjectNode config =
        (ObjectNode) new JsonMapper().readTree(Files.readString(small.resolve("config.json")));
    config.putPOJO("dummy_token_indices", List.of(5, 2300));
    ObjectNode rope = config.putObject("rope_scaling");
    rope.put("type", "longrope").put("original_max_position_embeddings", 200);
    rope.put("short_mscale", 1.05).put("long_mscale", 1.19);
    rope.putPOJO("short_factor", DoubleStream.iterate(1, f -> f + 0.02).limit(32).toArray());
    rope.putPOJO("long_factor", DoubleStream.iterate(1.2, f -> f + 0.3).limit(32).toArray());
    Files.writeString(model.resolve("config.json"), config.toString());
    assertThatLogitsAreTheEngines(export(model.toString(), "fp32"), tokens);
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
    arguments.add(export(Phial.model(model), spelling).toString());
    arguments.add(Integer.toString(golden.get("greedy").size()));
    golden.get("short").get("ids").forEach(id -> arguments.add(id.asString()));
    return ints(new JsonMapper().readTree(Python.run(folder, "generate_onnx.py", arguments)));
  }

  private Path export(String model, String spelling) {
    Path output = folder.resolve("onnx");
    Phial.run(
            folder, List.of("quantize", model, "--to", "onnx:" + spelling, "-o", output.toString()))
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
