package dev.phial.quant.activation;

import java.util.Map;
import java.util.Optional;

/**
 * What a model rounds on the way, if it was made for that.
 *
 * @param codes that are known beforehand, by the place where they are used
 * @param inputs how each quantized matrix has its input rounded as it comes, if it has
 */
public record RoundedActivations(
    Map<ActivationPlace, ActivationCodes> codes, Optional<InputCodes> inputs) {
  /** Nothing. */
  public static final RoundedActivations NONE = at(Map.of());

  public RoundedActivations {
    codes = Map.copyOf(codes);
  }

  /** Those whose codes are known beforehand. */
  public static RoundedActivations at(Map<ActivationPlace, ActivationCodes> codes) {
    return new RoundedActivations(codes, Optional.empty());
  }

  /** The inputs of quantized matrices, as they come. */
  public static RoundedActivations of(InputCodes inputs) {
    return new RoundedActivations(Map.of(), Optional.of(inputs));
  }

  public boolean isEmpty() {
    return codes.isEmpty() && inputs.isEmpty();
  }

  /** For display. */
  @Override
  public String toString() {
    return inputs
        .map(InputCodes::label)
        .orElseGet(() -> codes.isEmpty() ? "none" : "at %d places".formatted(codes.size()));
  }
}
