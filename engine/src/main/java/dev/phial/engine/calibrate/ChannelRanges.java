package dev.phial.engine.calibrate;

import dev.phial.engine.run.Taps;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRange;
import java.util.Arrays;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.concurrent.ConcurrentHashMap;

/** The smallest and the largest activation of every channel, where there are channels. */
final class ChannelRanges implements Taps {
  private final Set<ActivationPoint> points;
  private final Map<ActivationPlace, Extremes> all = new ConcurrentHashMap<>();

  ChannelRanges(Set<ActivationPoint> points) {
    this.points = points;
  }

  /** Both {@code [channels]}; they guard each other. */
  private record Extremes(float[] low, float[] high) {
    static Extremes of(int channels) {
      float[] low = new float[channels];
      float[] high = new float[channels];
      Arrays.fill(low, Float.POSITIVE_INFINITY);
      Arrays.fill(high, Float.NEGATIVE_INFINITY);
      return new Extremes(low, high);
    }

    void addAll(float[] values, int from, int count) {
      float least = Float.POSITIVE_INFINITY;
      float most = Float.NEGATIVE_INFINITY;
      for (int i = from; i < from + count; i++) {
        least = Math.min(least, values[i]);
        most = Math.max(most, values[i]);
      }
      synchronized (this) {
        low[0] = Math.min(low[0], least);
        high[0] = Math.max(high[0], most);
      }
    }

    synchronized void add(float[] values, int from) {
      for (int i = 0; i < low.length; i++) {
        low[i] = Math.min(low[i], values[from + i]);
        high[i] = Math.max(high[i], values[from + i]);
      }
    }
  }

  @Override
  public boolean isOpen(ActivationPlace place) {
    return points.contains(place.point());
  }

  @Override
  public void flow(ActivationPlace place, float[] values, int from, int count) {
    if (place.point().hasChannels()) {
      all.computeIfAbsent(place, p -> Extremes.of(count)).add(values, from);
    } else if (points.contains(place.point())) {
      all.computeIfAbsent(place, p -> Extremes.of(1)).addAll(values, from, count);
    }
  }

  /** The largest absolute activations, {@code [channels]}. */
  Map<ActivationPlace, float[]> maxima() {
    Map<ActivationPlace, float[]> maxima = new TreeMap<>();
    all.forEach((place, seen) -> {
      float[] most = new float[seen.low.length];
      for (int i = 0; i < most.length; i++) {
        most[i] = Math.max(Math.abs(seen.low[i]), Math.abs(seen.high[i]));
      }
      maxima.put(place, most);
    });
    return maxima;
  }

  /**
   * The range of every place, over all channels.
   *
   * @param smoothing what channels are divided by
   */
  Map<ActivationPlace, ActivationRange> ranges(Map<ActivationPlace, float[]> smoothing) {
    Map<ActivationPlace, ActivationRange> ranges = new TreeMap<>();
    all.forEach((place, seen) -> {
      float[] factors = smoothing.get(place);
      float low = Float.POSITIVE_INFINITY;
      float high = Float.NEGATIVE_INFINITY;
      for (int i = 0; i < seen.low.length; i++) {
        float factor = factors == null ? 1 : factors[i];
        low = Math.min(low, seen.low[i] / factor);
        high = Math.max(high, seen.high[i] / factor);
      }
      ranges.put(place, new ActivationRange(low, high));
    });
    return ranges;
  }
}
