package dev.phial.quant.activation;

import java.util.Arrays;

/**
 * How often activations fall into equal parts of a symmetric range, and which range would do for
 * most of them: the percentile and entropy calibrators of ONNX Runtime, {@code calibrate.py}.
 */
public final class Histogram {
  /** As of the percentile calibrator. The entropy calibrator's 128 would leave it no choice. */
  public static final int USUAL_BINS = 2048;

  /** Steps that the entropy calibrator thinks of. */
  private static final int STEPS = 128;

  /** What stands for nothing where distributions are compared. */
  private static final float LITTLE = 1e-4f;

  private final ActivationRange seen;
  private final float limit;
  private final long[] counts;

  /**
   * @param seen the smallest and the largest of the activations to come
   * @param bins an even number
   */
  public Histogram(ActivationRange seen, int bins) {
    this.seen = seen;
    this.limit = Math.max(Math.abs(seen.low()), Math.abs(seen.high()));
    this.counts = new long[bins];
  }

  /** Counts activations of the range. */
  public void add(float x) {
    int bins = counts.length;
    int bin = limit == 0 ? bins / 2 : (int) (((double) x + limit) / (2.0 * limit) * bins);
    counts[Math.clamp(bin, 0, bins - 1)]++;
  }

  /** The lower edge of a bin; of the one after the last, the end. */
  private float edge(int bin) {
    return (float) (-limit + bin * (2.0 * limit / counts.length));
  }

  /** The range of all but {@code 100 - percentile} percent, half of them on either side. */
  public ActivationRange percentile(double percentile) {
    double cut = (100 - percentile) / 200;
    return within(edge(reached(cut)), edge(reached(1 - cut)));
  }

  /** The first bin with which so large a share of all activations is reached. */
  private int reached(double share) {
    double total = Arrays.stream(counts).sum();
    double sum = 0;
    for (int bin = 0; bin < counts.length; bin++) {
      sum += counts[bin] / total;
      if (sum >= share) {
        return bin;
      }
    }
    return counts.length;
  }

  private ActivationRange within(float low, float high) {
    float from = Math.min(Math.max(low, seen.low()), seen.high());
    return new ActivationRange(from, Math.max(from, Math.min(high, seen.high())));
  }

  /**
   * The range around zero that, cut into {@link #STEPS} steps, resembles most what it is to stand
   * for: the distribution with all that lies outside moved to its ends.
   */
  public ActivationRange entropy() {
    int middle = counts.length / 2;
    int best = STEPS / 2;
    double least = Double.POSITIVE_INFINITY;
    long below = Arrays.stream(counts, 0, middle - best).sum();
    long above =
        Arrays.stream(counts, Math.min(middle + best + 1, counts.length), counts.length).sum();
    for (int half = STEPS / 2; half <= middle; half++) {
      int start = middle - half;
      int end = Math.min(middle + half + 1, counts.length);
      double divergence = divergence(start, end, below, above);
      if (divergence < least) {
        least = divergence;
        best = half;
      }
      below -= start > 0 ? counts[start - 1] : 0;
      above -= end < counts.length ? counts[end] : 0;
    }
    return within(edge(middle - best), edge(Math.min(middle + best + 1, counts.length)));
  }

  private double divergence(int start, int end, long below, long above) {
    long[] reference = Arrays.copyOfRange(counts, start, end);
    reference[0] += below;
    reference[reference.length - 1] += above;
    long[] candidate = new long[reference.length];
    int width = reference.length / STEPS;
    for (int step = 0; step < STEPS; step++) {
      int from = step * width;
      int to = from + width;
      long sum = 0;
      for (int i = from; i < (step == STEPS - 1 ? reference.length : to); i++) {
        sum += counts[start + i];
      }
      int used = 0;
      for (int i = from; i < to; i++) {
        used += reference[i] == 0 ? 0 : 1;
      }
      if (used > 0) {
        Arrays.fill(candidate, from, to, sum / used);
      }
    }
    float[] p = smooth(reference);
    float[] q = smooth(candidate);
    return p.length == 0 || q.length == 0 ? Double.POSITIVE_INFINITY : divergence(p, q);
  }

  /** Gives zeros a little of what the others have; nothing if there are only zeros. */
  private static float[] smooth(long[] distribution) {
    int used = (int) Arrays.stream(distribution).filter(count -> count != 0).count();
    if (used == 0) {
      return new float[0];
    }
    float taken = (float) ((double) LITTLE * (distribution.length - used) / used);
    float[] smooth = new float[distribution.length];
    for (int i = 0; i < smooth.length; i++) {
      smooth[i] = distribution[i] == 0 ? LITTLE : distribution[i] - taken;
    }
    return smooth;
  }

  /** Kullback and Leibler's. */
  private static double divergence(float[] p, float[] q) {
    double ofP = 0;
    double ofQ = 0;
    for (int i = 0; i < p.length; i++) {
      ofP += p[i];
      ofQ += q[i];
    }
    double sum = 0;
    for (int i = 0; i < p.length; i++) {
      double share = p[i] / ofP;
      sum += share * Math.log(share / (q[i] / ofQ));
    }
    return sum;
  }
}
