package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.tensor.Tensor;
import java.util.Map;
import java.util.Objects;

/** Looks into the tensors of a checkpoint. */
final class Tensors {
  private Tensors() {}

  static Tensor get(Map<String, Tensor> tensors, String name) {
    assertThat(tensors).containsKey(name);
    return Objects.requireNonNull(tensors.get(name));
  }

  static float[] values(Map<String, Tensor> tensors, String name) {
    Tensor tensor = get(tensors, name);
    float[] values = new float[Math.toIntExact(tensor.shape().elements())];
    tensor.read(0, Math.toIntExact(tensor.shape().rows()), values, 0);
    return values;
  }
}
