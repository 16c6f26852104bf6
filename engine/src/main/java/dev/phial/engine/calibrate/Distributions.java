package dev.phial.engine.calibrate;

import dev.phial.engine.run.Taps;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.Histogram;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/** How smoothed activations are distributed, place by place. */
final class Distributions implements Taps {
  private final Map<ActivationPlace, Histogram> all = new TreeMap<>();
  private final Map<ActivationPlace, float[]> smoothing;

  /**
   * @param ranges of all that will be seen, after smoothing
   * @param smoothing what channels are divided by
   */
  Distributions(
      Map<ActivationPlace, ActivationRange> ranges, Map<ActivationPlace, float[]> smoothing) {
    ranges.forEach((place, range) -> all.put(place, new Histogram(range, Histogram.USUAL_BINS)));
    this.smoothing = smoothing;
  }

  @Override
  public boolean isOpen(ActivationPlace place) {
    return all.containsKey(place);
  }

  @Override
  public void flow(ActivationPlace place, float[] values, int from, int count) {
    Histogram histogram = all.get(place);
    if (histogram == null) {
      return;
    }
    float[] factors = smoothing.get(place);
    synchronized (histogram) {
      for (int i = 0; i < count; i++) {
        histogram.add(factors == null ? values[from + i] : values[from + i] / factors[i]);
      }
    }
  }

  Map<ActivationPlace, ActivationRange> ranges(Function<Histogram, ActivationRange> method) {
    Map<ActivationPlace, ActivationRange> ranges = new TreeMap<>();
    all.forEach((place, histogram) -> ranges.put(place, method.apply(histogram)));
    return ranges;
  }
}
