package dev.phial.quant.activation;

import java.util.Map;
import java.util.TreeMap;

/** Ranges that nobody measured, for every place of a model. */
public final class SomeRanges {
  private SomeRanges() {}

  public static ActivationRanges of(int layers) {
    Map<ActivationPlace, ActivationRange> ranges = new TreeMap<>();
    for (ActivationPoint point : ActivationPoint.values()) {
      ranges.put(point.once(), new ActivationRange(-3, 2));
      for (int layer = 0; layer < layers; layer++) {
        ranges.put(point.in(layer), new ActivationRange(-2 - layer, 4));
      }
    }
    return ActivationRanges.of(ranges);
  }
}
