package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
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
    return GOLDEN.propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("models")
  void engineComputesWhatOnnxRuntimeDoes(String model) throws OrtException, IOException {
    Path output = export(Phial.model(model), "w8a8");
    for (String text : List.of("short", "long")) { // on both sides of LongRoPE's boundary
      JsonNode golden = GOLDEN.get(model).get(text);
      if (golden == null) {
        continue;
      }
      long[] ids = golden.get("ids").valueStream().mapToLong(JsonNode::longValue).toArray();
      float[] theirs = OnnxLogits.of(output, ids);
      double error = distance(OnnxLogits.ofEngine(output, ids), theirs);
      double loss = distance(OnnxLogits.ofEngine(Path.of(Phial.model(model)), ids), theirs);
      System.out.println(model + " " + text + " " + error + " of " + loss);
    }
  }

  private static double distance(float[] x, float[] y) {
    double difference = 0;
    double sum = 0;
    for (int i = 0; i < x.length; i++) {
      difference += Math.pow(x[i] - y[i], 2);
      sum += Math.pow(y[i], 2);
    }
    return Math.sqrt(difference / sum);
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
