package dev.phial.conformance;

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
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.LongStream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** What a folder of ONNX Runtime GenAI computes, in ONNX Runtime and in our own engine. */
final class OnnxLogits {
  private OnnxLogits() {}

  /** What our own engine computes. */
  static float[] ofEngine(Path output, long[] ids) {
    try (Checkpoint checkpoint = Sources.open(output);
        Team team = new Team(1)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        return session.next(Arrays.stream(ids).mapToInt(Math::toIntExact).toArray());
      }
    }
  }

  /** What ONNX Runtime computes for the last token. */
  static float[] of(Path output, long[] ids) throws OrtException, IOException {
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      return of(output, ids, options);
    }
  }

  static float[] of(Path output, long[] ids, OrtSession.SessionOptions options)
      throws OrtException, IOException {
    JsonNode decoder =
        new JsonMapper()
            .readTree(Files.readString(output.resolve("genai_config.json")))
            .get("model")
            .get("decoder");
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    Map<String, OnnxTensor> inputs = new LinkedHashMap<>();
    Map<String, OnnxValue> outputs = new LinkedHashMap<>();
    try (OrtSession session =
        environment.createSession(output.resolve("model.onnx").toString(), options)) {
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
}
