package dev.phial.quant.activation;

import java.io.Serializable;

/** The smallest and the largest activation that codes should stand for. */
public record ActivationRange(float low, float high) implements Serializable {
  public ActivationRange {
    if (!Float.isFinite(low) || !Float.isFinite(high) || low > high) {
      throw new IllegalArgumentException("no range: %s to %s".formatted(low, high));
    }
  }
}
