package dev.phial.quant.activation;

import dev.phial.PhialException;
import java.io.Serializable;
import java.util.Collections;
import java.util.Map;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;

/**
 * What flows through a model, place by place.
 *
 * @param ranges after smoothing
 * @param smoothing what the activations of each channel were divided by before their range was
 *     taken, {@code [channels]}; a target that smooths takes the same factors into the weights
 */
public record ActivationRanges(
    SortedMap<ActivationPlace, ActivationRange> ranges,
    SortedMap<ActivationPlace, float[]> smoothing)
    implements Serializable {
  public ActivationRanges {
    ranges = Collections.unmodifiableSortedMap(new TreeMap<>(ranges));
    smoothing = Collections.unmodifiableSortedMap(new TreeMap<>(smoothing));
  }

  /** Without smoothing. */
  public static ActivationRanges of(Map<ActivationPlace, ActivationRange> ranges) {
    return new ActivationRanges(new TreeMap<>(ranges), new TreeMap<>());
  }

  /**
   * @throws PhialException.BadInput if nothing was seen there
   */
  public ActivationRange range(ActivationPlace place) {
    ActivationRange range = ranges.get(place);
    if (range == null) {
      throw new PhialException.BadInput(
          "expected the range of %s among the activation ranges, found none; calibrate this very model"
              .formatted(place));
    }
    return range;
  }

  public Optional<float[]> smoothing(ActivationPlace place) {
    return Optional.ofNullable(smoothing.get(place));
  }
}
