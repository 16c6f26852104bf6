package dev.phial.quant.activation;

import java.io.Serializable;
import java.util.Comparator;

/**
 * A point of one layer.
 *
 * @param layer from 0; -1 outside the layers
 */
public record ActivationPlace(ActivationPoint point, int layer)
    implements Comparable<ActivationPlace>, Serializable {
  private static final Comparator<ActivationPlace> ORDER =
      Comparator.comparingInt(
              (ActivationPlace place) -> place.layer < 0 ? Integer.MAX_VALUE : place.layer)
          .thenComparing(ActivationPlace::point);

  /** Layer by layer; what lies outside of them comes last. */
  @Override
  public int compareTo(ActivationPlace other) {
    return ORDER.compare(this, other);
  }

  @Override
  public String toString() {
    return layer < 0 ? point.label() : "%s of layer %d".formatted(point.label(), layer);
  }
}
