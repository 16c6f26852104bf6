package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * A folder whose weights and activations are rounded to 8 bits: ONNX Runtime multiplies integers,
 * and our engine, which measures what that costs, computes the same.
 */
final class OnnxW8A8Test {
  private static final JsonNode GOLDEN =
      new JsonMapper().readTree(Phial.resource("onnx-logits.json"));

  @TempDir Path folder;

  static Stream<String> models() {
    return Stream.concat(GOLDEN.propertyNames().stream(), Stream.of("phi3-small-8k"));
  }

  /**
   * Mostly to the last bits. Where a sum falls on the border between two codes, rounding decides,
   * and what follows is as far from each other as both are from what is not rounded at all.
   */
  @ParameterizedTest
  @MethodSource("models")
  void engineComputesWhatOnnxRuntimeDoes(String model) throws OrtException, IOException {
    Path output = export(Phial.model(model), "w8a8");
    long[] all = ids(model, "short");
    List<Double> errors = new ArrayList<>();
    for (int length = 1; length <= Math.min(all.length, 8); length++) {
      long[] ids = Arrays.copyOf(all, length);
      errors.add(Logits.distance(OnnxLogits.ofEngine(output, ids), OnnxLogits.of(output, ids)));
    }
    errors.sort(null);
    assertThat(errors.get(errors.size() / 2)).isLessThan(1e-5);
    for (String text : List.of("short", "long")) { // on both sides of LongRoPE's boundary
      if (text.equals("short") || GOLDEN.path(model).has(text)) {
        long[] ids = ids(model, text);
        float[] theirs = OnnxLogits.of(output, ids);
        double loss =
            Logits.distance(OnnxLogits.ofEngine(Path.of(Phial.model(model)), ids), theirs);
        assertThat(Logits.distance(OnnxLogits.ofEngine(output, ids), theirs)).isLessThan(loss);
        assertThat(loss).isLessThan(0.3);
      }
    }
  }

  private static long[] ids(String model, String text) {
    return GOLDEN.has(model)
        ? GOLDEN
            .get(model)
            .get(text)
            .get("ids")
            .valueStream()
            .mapToLong(JsonNode::longValue)
            .toArray()
        : LongStream.range(0, 150).map(i -> (i * i * 7 + 3 * i) % 2000).toArray();
  }

  @Test
  void productsAreOfIntegers() throws OrtException, IOException {
    Path output = export("demo", "w8a8");
    Path optimized = folder.resolve("optimized.onnx");
    try (OrtSession.SessionOptions options = new OrtSession.SessionOptions()) {
      options.setOptimizedModelFilePath(optimized.toString());
      assertThat(OnnxLogits.of(output, new long[] {1, 2, 3}, options)).isNotEmpty();
    }
    List<String> ops =
        ModelProto.parseFrom(Files.readAllBytes(optimized)).getGraph().getNodeList().stream()
            .map(NodeProto::getOpType)
            .toList();
    assertThat(ops).contains("MatMulIntegerToFloat").doesNotContain("MatMul", "DequantizeLinear");
  }

  /** From a prompt in the cache, token by token. */
  @Test
  void genaiGeneratesWhatOurEngineDoes() {
    Path output = export("demo", "w8a8");
    JsonNode golden = GOLDEN.get("tiny-phi3");
    List<String> arguments = new ArrayList<>(List.of(output.toString(), "8"));
    golden.get("short").get("ids").forEach(id -> arguments.add(id.asString()));
    List<Integer> theirs =
        new JsonMapper()
            .readTree(Python.run(folder, "generate_onnx.py", arguments))
            .valueStream()
            .map(JsonNode::intValue)
            .toList();
    List<Long> text = new ArrayList<>(Arrays.stream(ids("tiny-phi3", "short")).boxed().toList());
    List<Integer> ours = new ArrayList<>();
    for (int i = 0; i < 8; i++) {
      float[] logits =
          OnnxLogits.ofEngine(output, text.stream().mapToLong(Long::longValue).toArray());
      int best = Logits.likeliest(logits);
      ours.add(best);
      text.add((long) best);
    }
    assertThat(theirs).isEqualTo(ours);
  }

  /** The same ranges give the same bytes; another model's are refused. */
  @Test
  void rangesMayComeFromAFile() throws IOException {
    Path file = folder.resolve("ranges.json");
    Phial.run(
            folder,
            List.of(
                "calibrate",
                "demo",
                "--ranges",
                "--calibrate-method=percentile",
                "--percentile=99.9",
                "--chunks=8",
                "--context=64",
                "-o",
                file.toString()))
        .succeeded();
    String to = "onnx:w8a8,ranges=" + file;
    Path first = folder.resolve("first");
    Path second = folder.resolve("second");
    for (Path output : List.of(first, second)) {
      Phial.run(folder, List.of("quantize", "demo", "--to", to, "-o", output.toString()))
          .succeeded();
    }
    for (String name : List.of("model.onnx", "model.onnx.data", "genai_config.json")) {
      assertThat(second.resolve(name)).hasSameBinaryContentAs(first.resolve(name));
    }
    Path third = folder.resolve("third");
    Command.Result other =
        Phial.run(
            folder, List.of("quantize", Phial.model("phi2"), "--to", to, "-o", third.toString()));
    assertThat(other.status()).isEqualTo(1);
    assertThat(other.err()).contains("calibrate this very model");
    assertThat(third).doesNotExist();
  }

  private Path export(String model, String spelling) {
    Path output = folder.resolve("onnx");
    List<String> words = new ArrayList<>(List.of("quantize", model, "--to", "onnx:" + spelling));
    words.addAll(
        List.of(
            "--calibration-chunks", "8", "--calibration-context", "64", "-o", output.toString()));
    Phial.run(folder, words).succeeded();
    return output;
  }
}
