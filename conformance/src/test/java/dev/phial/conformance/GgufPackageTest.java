package dev.phial.conformance;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.io.Json;
import dev.phial.source.Gguf;
import dev.phial.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import tools.jackson.databind.JsonNode;

/** The {@code gguf} package of PyPI and Phial read the same in a file: every name and number. */
final class GgufPackageTest {
  private static final List<String> PRECISIONS =
      List.of("Q4_K_M", "Q2_K", "Q3_K_M", "Q5_0", "Q8_0", "IQ4_XS", "IQ3_M", "TQ1_0", "MXFP4_MOE");

  @TempDir Path folder;

  @Test
  void readsWhatPhialReads() {
    List<String> arguments =
        new ArrayList<>(List.of("quantize", Phial.model("tiny-phi3"), "-o", folder.toString()));
    List<String> files = new ArrayList<>();
    for (String precision : PRECISIONS) {
      arguments.addAll(List.of("--to", "gguf:" + precision));
      files.add("tiny-phi3-gguf-%s.gguf".formatted(precision));
    }
    Phial.call(arguments).succeeded();
    JsonNode read = Json.STRICT.readTree(Python.run(folder, "read_gguf.py", files));
    for (String file : files) {
      try (Gguf gguf = Gguf.open(folder.resolve(file))) {
        assertThat(read.at("/" + file + "/keys").valueStream().map(JsonNode::asString))
            .as(file)
            .containsExactlyElementsOf(gguf.metadata().keySet());
        Map<String, String> tensors = new LinkedHashMap<>();
        read.at("/" + file + "/tensors")
            .properties()
            .forEach(tensor -> tensors.put(tensor.getKey(), tensor.getValue().asString()));
        Map<String, String> expected = new LinkedHashMap<>();
        gguf.tensors().forEach((name, tensor) -> expected.put(name, describe(tensor)));
        assertThat(tensors).as(file).containsExactlyEntriesOf(expected);
      }
    }
  }

  private static String describe(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.shape().elements())];
    tensor.read(0, Math.toIntExact(tensor.shape().rows()), values, 0);
    ByteBuffer bytes = ByteBuffer.allocate(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
    bytes.asFloatBuffer().put(values);
    return "%s %s %s"
        .formatted(tensor.encoding().name(), tensor.shape(), Phial.sha256(bytes.array()));
  }
}
