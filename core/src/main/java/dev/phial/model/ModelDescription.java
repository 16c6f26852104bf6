package dev.phial.model;

import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import java.util.List;
import java.util.Map;

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
    Map<ActivationPlace, ActivationCodes> activations) {
  public ModelDescription {
    weights = List.copyOf(weights);
    activations = Map.copyOf(activations);
  }

  /** Of a checkpoint that rounds no activations. */
  public ModelDescription(Family family, Hyperparameters hyperparameters, List<Weight> weights) {
    this(family, hyperparameters, weights, Map.of());
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
