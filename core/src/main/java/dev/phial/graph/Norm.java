package dev.phial.graph;

import java.util.Optional;

/**
 * Root-mean-square normalization, or layer normalization where there is a bias.
 *
 * @param weight {@code [hidden]}
 * @param bias {@code [hidden]}
 */
public record Norm(Vector weight, Optional<Vector> bias, double epsilon) {
  public boolean centers() {
    return bias.isPresent();
  }
}
