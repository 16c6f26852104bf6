package dev.phial.target;

import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import java.util.Optional;

/**
 * What a target is asked for.
 *
 * @param precision what stood after the colon of {@code --to}
 */
public record Request(
    Checkpoint checkpoint, ModelDescription model, Optional<String> precision, Options options) {}
