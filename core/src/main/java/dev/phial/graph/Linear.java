package dev.phial.graph;

import dev.phial.model.Weight;
import java.util.List;
import java.util.Optional;

/**
 * {@code y = W x + b}.
 *
 * @param weight {@code [outputs, inputs]}
 * @param bias {@code [outputs]}
 */
public record Linear(Matrix weight, Optional<Vector> bias) {
  /** Layers with one input as one layer, their outputs one after the other. */
  public static Linear join(List<Linear> layers) {
    List<Vector> biases = layers.stream().flatMap(layer -> layer.bias.stream()).toList();
    return new Linear(
        Matrix.stack(layers.stream().map(Linear::weight).toList()),
        biases.isEmpty() ? Optional.empty() : Optional.of(Vector.join(biases)));
  }

  /** Layers with one input: one where the checkpoint has all of them in one matrix. */
  public static List<Linear> fused(Linear... layers) {
    List<Linear> all = List.of(layers);
    Weight first = parameter(all.getFirst());
    return all.stream().allMatch(layer -> parameter(layer) == first) ? List.of(join(all)) : all;
  }

  private static Weight parameter(Linear layer) {
    return layer.weight.parts().getFirst().weight();
  }

  public long outputs() {
    return weight.rows();
  }

  public long inputs() {
    return weight.columns();
  }
}
