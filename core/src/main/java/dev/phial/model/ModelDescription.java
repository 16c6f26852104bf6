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

  public long parameters() {
    return weights.stream().mapToLong(weight -> weight.shape().elements()).sum();
  }
}
