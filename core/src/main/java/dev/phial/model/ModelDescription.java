package dev.phial.model;

import dev.phial.quant.activation.RoundedActivations;
import java.util.List;

/**
 * A checkpoint understood.
 *
 * @param weights in the order of the checkpoint
 * @param activations what the checkpoint rounds on the way, if it was made for that
 */
public record ModelDescription(
    Family family,
    Hyperparameters hyperparameters,
    List<Weight> weights,
    RoundedActivations activations) {
  public ModelDescription {
    weights = List.copyOf(weights);
  }

  /** Of a checkpoint that rounds no activations. */
  public ModelDescription(Family family, Hyperparameters hyperparameters, List<Weight> weights) {
    this(family, hyperparameters, weights, RoundedActivations.NONE);
  }

  /** What remains without the encoders of images and sound, and adapters for them. */
  public ModelDescription text() {
    return family.text() == family
        ? this
        : new ModelDescription(
            family.text(),
            hyperparameters,
            weights.stream().filter(weight -> !weight.name().isPrefix()).toList(),
            activations);
  }

  public long parameters() {
    return weights.stream().mapToLong(weight -> weight.shape().elements()).sum();
  }
}
