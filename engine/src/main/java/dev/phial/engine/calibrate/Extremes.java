package dev.phial.engine.calibrate;

import dev.phial.engine.run.Taps;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.ActivationRanges;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** The smallest and the largest activation of every place, every operator's result shown. */
public final class Extremes implements Taps {
  private final Map<ActivationPlace, ActivationRange> ranges = new ConcurrentHashMap<>();

  @Override
  public boolean isOpen(ActivationPlace place) {
    return true;
  }

  @Override
  public void flow(ActivationPlace place, float[] values, int from, int count) {
    if (count > 0) {
      float low = values[from];
      float high = values[from];
      for (int i = from + 1; i < from + count; i++) {
        low = Math.min(low, values[i]);
        high = Math.max(high, values[i]);
      }
      ranges.merge(
          place,
          new ActivationRange(low, high),
          (a, b) -> new ActivationRange(Math.min(a.low(), b.low()), Math.max(a.high(), b.high())));
    }
  }

  public ActivationRanges ranges() {
    return ActivationRanges.of(new TreeMap<>(ranges));
  }
}
