package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.onnxruntime.NodeInfo;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxValue;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.TensorInfo;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;
import java.nio.LongBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.DoubleStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
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
      float[] logits = logits(output, longs(golden.get("ids")));
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
    float[] logits = logits(output, longs(golden.get("ids")));
    JsonNode expected = golden.get("logits");
    double error = 0;
    for (int i = 0; i < expected.size(); i++) {
      error += Math.pow(logits[i * STEP] - expected.get(i).doubleValue(), 2);
    }
    assertThat(Math.sqrt(error / expected.size())).isLessThan(0.5); // they spread by 4
    double[] difference = new double[logits.length];
    float[] ours = engineLogits(output, golden.get("ids"));
    Arrays.setAll(difference, i -> (double) logits[i] - ours[i]);
    double sum = Arrays.stream(difference).map(d -> d * d).sum();
    // ONNX Runtime rounds activations to 8 bits for MatMulNBits
    assertThat(Math.sqrt(sum / logits.length)).isLessThan(0.1);
  }

  /** Codes that come from other formats are computed with as our engine does. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3, 'gguf:Q4_0,pure'",
    "phi4-mini, gguf:Q8_0",
    "phi35-moe, 'gguf:Q4_0,pure'",
    "tiny-phi3, openvino:int4",
    "tiny-phi3, openvino:int8"
  })
  void carriedCodesRun(String model, String from) throws OrtException, IOException {
    Path source = folder.resolve("source");
    Phial.call(List.of("quantize", Phial.model(model), "--to", from, "-o", source.toString()))
        .succeeded();
    Path output = folder.resolve("carried");
    Phial.call(
            List.of(
                "quantize",
                source.toString(),
                "--to",
                "onnx",
                "--carry",
                "-o",
                output.toString(),
                "--original",
                Phial.model(model)))
        .succeeded();
    JsonNode ids = GOLDEN.get(model).get("short").get("ids");
    float[] found = logits(output, longs(ids));
    float[] expected = engineLogits(output, ids);
    double sum = 0;
    for (int i = 0; i < found.length; i++) {
      sum += Math.pow(found[i] - expected[i], 2);
    }
    // ONNX Runtime rounds activations to 8 bits for MatMulNBits
    assertThat(Math.sqrt(sum / found.length)).isLessThan(0.1);
  }

  /** What our own engine computes from the folder. */
  private static float[] engineLogits(Path output, JsonNode ids) {
    try (Checkpoint checkpoint = Sources.open(output);
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        return session.next(ids.valueStream().mapToInt(JsonNode::intValue).toArray());
      }
    }
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
    float[] logits = logits(output, ids);
    float[] ours = engineLogits(output, new JsonMapper().valueToTree(ids));
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

  /** Of the last token. */
  private static float[] logits(Path output, long[] ids) throws OrtException, IOException {
    JsonNode decoder =
        new JsonMapper()
            .readTree(Files.readString(output.resolve("genai_config.json")))
            .get("model")
            .get("decoder");
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
    Map<String, OnnxValue> outputs = new LinkedHashMap<>();
    try (OrtSession session =
        environment.createSession(
            output.resolve("model.onnx").toString(), new OrtSession.SessionOptions())) {
      // attention to blocks writes into the cache that it reads, which has room for everything
      boolean sharesCache = Files.exists(output.resolve("config.json"));
      long[] shape = {1, ids.length};
      long[] cache = {
        1,
        decoder.get("num_key_value_heads").intValue(),
        sharesCache ? 1024 : 0,
        decoder.get("head_size").intValue()
      };
      for (String name : session.getInputNames()) {
        inputs.put(
            name,
            switch (name) {
              case "input_ids" -> OnnxTensor.createTensor(environment, LongBuffer.wrap(ids), shape);
              case "attention_mask" ->
                  OnnxTensor.createTensor(
                      environment,
                      LongBuffer.wrap(LongStream.generate(() -> 1).limit(ids.length).toArray()),
                      shape);
              case "position_ids" ->
                  OnnxTensor.createTensor(
                      environment,
                      LongBuffer.wrap(LongStream.range(0, ids.length).toArray()),
                      shape);
              default -> emptyCache(environment, session, name, cache);
            });
        if (sharesCache && name.startsWith("past_key_values")) {
          outputs.put(name.replace("past_key_values", "present"), inputs.get(name));
        }
      }
      try (OrtSession.Result result = session.run(inputs, Set.of("logits"), outputs)) {
        FloatBuffer all = ((OnnxTensor) result.get("logits").orElseThrow()).getFloatBuffer();
        float[] values = new float[all.remaining()];
        all.get(values);
        return Arrays.copyOfRange(
            values, values.length - values.length / ids.length, values.length);
      }
    } finally {
      inputs.values().forEach(OnnxTensor::close);
    }
  }

  private static OnnxTensor emptyCache(
      OrtEnvironment environment, OrtSession session, String name, long[] shape)
      throws OrtException {
    NodeInfo node = Objects.requireNonNull(session.getInputInfo().get(name));
    OnnxJavaType type = ((TensorInfo) node.getInfo()).type;
    int bytes = Math.toIntExact(Arrays.stream(shape).reduce(type.size, Math::multiplyExact));
    ByteBuffer data = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
    return OnnxTensor.createTensor(environment, data, shape, type);
  }

  private static long[] longs(JsonNode list) {
    return list.valueStream().mapToLong(JsonNode::longValue).toArray();
  }

  private static List<Integer> ints(JsonNode list) {
    return list.valueStream().map(JsonNode::intValue).toList();
  }
}
