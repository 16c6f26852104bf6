package dev.phial.target;

import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Checkpoint;
import java.util.Optional;

/**
 * What a target is asked for.
 *
 * @param precision what stood after the colon of {@code --to}
 * @param ranges what flows through the model, once somebody has looked
 */
public record Request(
    Checkpoint checkpoint,
    ModelDescription model,
    Optional<String> precision,
    Options options,
    Optional<ActivationRanges> ranges) {
  public Request(
      Checkpoint checkpoint, ModelDescription model, Optional<String> precision, Options options) {
    this(checkpoint, model, precision, options, Optional.empty());
  }

  public Request with(ActivationRanges found) {
    return new Request(checkpoint, model, precision, options, Optional.of(found));
  }
}
