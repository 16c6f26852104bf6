package dev.phial.quant.activation;

import java.io.Serializable;
import java.util.Comparator;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

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

  private static final Pattern PATH =
      Pattern.compile("model(?:/layers\\.(\\d{1,6}))?/activations/(\\w+)");

  /** What graphs call what is rounded there, {@code model/layers.0/activations/attended}. */
  public String path() {
    return "model%s/activations/%s".formatted(layer < 0 ? "" : "/layers." + layer, point.label());
  }

  /** The place that graphs call so. */
  public static Optional<ActivationPlace> atPath(String path) {
    Matcher matcher = PATH.matcher(path);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String layer = matcher.group(1);
    return ActivationPoint.labelled(matcher.group(2))
        .map(point -> layer == null ? point.once() : point.in(Integer.parseInt(layer)));
  }

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
