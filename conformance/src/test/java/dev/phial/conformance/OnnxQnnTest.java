package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import ai.onnxruntime.OrtSession.SessionOptions.OptLevel;
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
import java.nio.IntBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * ONNX Runtime runs the graphs for Qualcomm's accelerator on the CPU, the one for prompts window by
 * window and then the one for tokens, with a cache that slides as ONNX Runtime GenAI's does; our
 * engine computes the same from the folder.
 */
final class OnnxQnnTest {
  private static final int CONTEXT = 64;
  private static final int PROMPT = 8;

  @TempDir Path folder;

  /** With the text shorter than a window, and as long as several of them and a part. */
  @ParameterizedTest
  @CsvSource({
    "tiny-phi3,int8,uint16",
    "tiny-phi3,int4,uint8",
    "phi2,int8,uint16",
    "phi2,int4,uint8",
    "phi3-medium-128k,int4,uint16",
    "phi4-mini,int8,uint8",
    "phi4,int8,uint16"
  })
  void bothGraphsAreTheEngines(String model, String precision, String activations)
      throws OrtException, IOException {
    Path output = folder.resolve("qnn");
    Phial.run(
            folder,
            List.of(
                "quantize",
                Phial.model(model),
                "--to",
                "onnx:" + precision,
                "--ep=qnn",
                "--activations=" + activations,
                "--context-length=" + CONTEXT,
                "--prompt-length=" + PROMPT,
                "--calibration-context=32",
                "--calibration-chunks=4",
                "-o",
                output.toString()))
        .succeeded();
    for (int length : new int[] {5, 27}) {
      int[] ids = IntStream.range(0, length).map(i -> 5 + i * i * 7 % 1900).toArray();
      assertSame(output, ids);
    }
  }

  private static void assertSame(Path output, int[] ids) throws OrtException, IOException {
    try (Checkpoint checkpoint = Sources.open(output);
        Team team = new Team(1);
        Graphs graphs = new Graphs(output)) {
      Forward forward = new Forward(Model.of(Families.describe(checkpoint)), team, Observer.NONE);
      try (Session session = new Session(forward, CacheType.F32)) {
        float[] ours = session.next(ids);
        float[] theirs = graphs.prompt(ids);
        for (int i = 0; i < 6; i++) {
          assertThat(Logits.distance(theirs, ours))
              .as("after %d tokens", ids.length + i)
              .isLessThan(0.01);
          int next = Logits.likeliest(theirs);
          assertThat(next).isEqualTo(Logits.likeliest(ours));
          ours = session.next(next);
          theirs = graphs.token(next);
        }
      }
    }
  }

  /** The two graphs and the cache between them. */
  private static final class Graphs implements AutoCloseable {
    private final OrtEnvironment environment = OrtEnvironment.getEnvironment();
    private final OrtSession.SessionOptions options = new OrtSession.SessionOptions();
    private final OrtSession prompt;
    private final OrtSession token;
    private final int layers;
    private final int heads;
    private final int headSize;

    /**
     * Codes of keys {@code [heads][headSize][CONTEXT]} and values {@code
     * [heads][CONTEXT][headSize]}.
     */
    private final List<byte[]> keys = new ArrayList<>();

    private final List<byte[]> values = new ArrayList<>();
    private int length;

    Graphs(Path output) throws OrtException, IOException {
      JsonNode decoder =
          new JsonMapper()
              .readTree(Files.readString(output.resolve("genai_config.json")))
              .get("model")
              .get("decoder");
      layers = decoder.get("num_hidden_layers").intValue();
      heads = decoder.get("num_key_value_heads").intValue();
      headSize = decoder.get("head_size").intValue();
      // node by node: where it fuses integers it rounds otherwise
      options.setOptimizationLevel(OptLevel.NO_OPT);
      prompt = environment.createSession(output.resolve("prompt.onnx").toString(), options);
      token = environment.createSession(output.resolve("token.onnx").toString(), options);
      for (int i = 0; i < layers; i++) {
        keys.add(new byte[heads * headSize * CONTEXT]);
        values.add(new byte[heads * headSize * CONTEXT]);
      }
    }

    float[] prompt(int[] ids) throws OrtException {
      float[] logits = {};
      int part = (ids.length - 1) % PROMPT + 1;
      for (int from = 0; from < ids.length; part = PROMPT) {
        logits = run(prompt, PROMPT, Arrays.copyOfRange(ids, from, from + part));
        from += part;
      }
      return logits;
    }

    float[] token(int id) throws OrtException {
      return run(token, 1, new int[] {id});
    }

    /**
     * @param window tokens of the graph; {@code ids} stand at its right
     */
    private float[] run(OrtSession session, int window, int[] ids) throws OrtException {
      int[] tokens = new int[window];
      int[] positions = new int[window];
      for (int i = 0; i < ids.length; i++) {
        tokens[window - ids.length + i] = ids[i];
        positions[window - ids.length + i] = length + i;
      }
      length += ids.length;
      int[] mask = new int[CONTEXT];
      Arrays.fill(mask, CONTEXT - length, CONTEXT, 1);
      Map<String, OnnxTensorLike> inputs = new HashMap<>();
      inputs.put("input_ids", ints(tokens));
      inputs.put("position_ids", ints(positions));
      inputs.put("attention_mask", ints(mask));
      int past = CONTEXT - window;
      for (int i = 0; i < layers; i++) {
        inputs.put(
            "past_key_values.%d.key".formatted(i),
            bytes(end(keys.get(i), CONTEXT, window), heads, 1, headSize, past));
        inputs.put(
            "past_key_values.%d.value".formatted(i),
            bytes(
                end(values.get(i), CONTEXT * headSize, window * headSize),
                heads,
                1,
                past,
                headSize));
      }
      try (OrtSession.Result result = session.run(inputs)) {
        for (int i = 0; i < layers; i++) {
          slide(keys.get(i), CONTEXT, codes(result, "present.%d.key".formatted(i)), window);
          slide(
              values.get(i),
              CONTEXT * headSize,
              codes(result, "present.%d.value".formatted(i)),
              window * headSize);
        }
        OnnxTensor logits = (OnnxTensor) result.get("logits").orElseThrow();
        float[] numbers = new float[logits.getFloatBuffer().remaining()];
        logits.getFloatBuffer().get(numbers);
        return numbers;
      } finally {
        inputs.values().forEach(OnnxTensorLike::close);
      }
    }

    /** All rows without their first {@code count} bytes. */
    private static byte[] end(byte[] rows, int width, int count) {
      byte[] ends = new byte[rows.length / width * (width - count)];
      for (int row = 0; row < rows.length / width; row++) {
        System.arraycopy(rows, row * width + count, ends, row * (width - count), width - count);
      }
      return ends;
    }

    /** Pushes {@code count} new bytes into every row. */
    private static void slide(byte[] rows, int width, byte[] fresh, int count) {
      for (int row = 0; row < rows.length / width; row++) {
        int at = row * width;
        System.arraycopy(rows, at + count, rows, at, width - count);
        System.arraycopy(fresh, row * count, rows, at + width - count, count);
      }
    }

    private static byte[] codes(OrtSession.Result result, String name) {
      ByteBuffer buffer = ((OnnxTensor) result.get(name).orElseThrow()).getByteBuffer();
      byte[] codes = new byte[buffer.remaining()];
      buffer.get(codes);
      return codes;
    }

    private OnnxTensor ints(int[] numbers) throws OrtException {
      return OnnxTensor.createTensor(
          environment, IntBuffer.wrap(numbers), new long[] {1, numbers.length});
    }

    private OnnxTensor bytes(byte[] codes, long... shape) throws OrtException {
      ByteBuffer buffer = ByteBuffer.allocateDirect(codes.length).put(codes).flip();
      return OnnxTensor.createTensor(environment, buffer, shape, OnnxJavaType.UINT8);
    }

    @Override
    public void close() throws OrtException {
      prompt.close();
      token.close();
      options.close();
    }
  }
}
