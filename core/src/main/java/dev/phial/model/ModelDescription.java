package dev.phial.model;

import java.util.List;

/**
 * A checkpoint understood.
 *
 * @param weights in the order of the checkpoint
 */
public record ModelDescription(
    Family family, Hyperparameters hyperparameters, List<Weight> weights) {
  public ModelDescription {
    weights = List.copyOf(weights);
  }

  public long parameters() {
    return weights.stream().mapToLong(weight -> weight.shape().elements()).sum();
  }
}
