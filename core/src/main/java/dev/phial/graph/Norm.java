package dev.phial.graph;

import java.util.Optional;

/**
 * Root-mean-square normalization, or layer normalization where there is a bias.
 *
 * @param weight {@code [hidden]}
 * @param bias {@code [hidden]}
 */
public record Norm(Vector weight, Optional<Vector> bias, double epsilon) {
  /** The norm whose outputs are scaled. */
  Norm scaled(float[] outputs) {
    return new Norm(weight.scaled(outputs), bias.map(vector -> vector.scaled(outputs)), epsilon);
  }

  public boolean centers() {
    return bias.isPresent();
  }
}
