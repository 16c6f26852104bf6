package dev.phial.model;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** GGUF files as llama.cpp wrote them once. */
final class OlderGgufTest {
  private static Tensor counting(String name, Shape shape) {
    ByteBuffer bytes =
        ByteBuffer.allocate(4 * (int) shape.elements()).order(ByteOrder.LITTLE_ENDIAN);
    for (int i = 0; i < shape.elements(); i++) {
      bytes.putFloat(i);
    }
    return new Tensor(
        Path.of("x.gguf"), name, DType.F32, shape, MemorySegment.ofArray(bytes.array()));
  }

  @Test
  void takesQueriesKeysAndValuesOfPhi2Apart() {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Tensor tensor :
        List.of(
            counting("blk.3.attn_qkv.weight", Shape.of(6, 2)),
            counting("blk.3.attn_qkv.bias", Shape.of(6)),
            counting("blk.3.attn_output.bias", Shape.of(2)))) {
      tensors.put(tensor.name(), tensor);
    }
    Map<String, Tensor> found = new Phi2().sanitizeGguf(tensors);
    assertThat(found.keySet())
        .containsExactly(
            "blk.3.attn_q.weight",
            "blk.3.attn_k.weight",
            "blk.3.attn_v.weight",
            "blk.3.attn_q.bias",
            "blk.3.attn_k.bias",
            "blk.3.attn_v.bias",
            "blk.3.attn_output.bias");
    float[] values = new float[4];
    found.values().stream().skip(1).findFirst().orElseThrow().read(0, 2, values, 0);
    assertThat(values).containsExactly(4, 5, 6, 7);
    Tensor bias = found.values().stream().skip(5).findFirst().orElseThrow();
    assertThat(bias.shape()).isEqualTo(Shape.of(2));
    float[] biases = new float[2];
    bias.read(0, 1, biases, 0);
    assertThat(biases).containsExactly(4, 5);
  }
}
