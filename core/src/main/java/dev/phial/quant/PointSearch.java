package dev.phial.quant;

import dev.phial.kernel.Rounding;
import java.util.Arrays;

/**
 * The search of the IQ2 and IQ3 types over one sub-block: the scale, and the codebook point of
 * every group, that make {@code scale · (2·level + 1)} least wrong for the magnitudes.
 */
final class PointSearch {
  /** Which groups are rounded once more under the scale that was found. */
  enum Refit {
    /** Those that had to move to a neighbour. */
    MOVED,
    /** All, if any had to move. */
    ALL_IF_MOVED,
    /** All. */
    ALL
  }

  final float[] x; // magnitudes; negative where a sign was given up
  final float[] w; // weights of the errors
  final int[] signs; // a byte per 8 elements, the first lowest, 1 for negative
  final int[] levels; // room for a level per element
  final int[] points; // what was found: a packed point per group
  float scale; // likewise

  private final Neighbours neighbours;
  private final int bits;
  private final int topLevel;
  private final int dimensions;
  private final float[] values;
  private final float[] roots; // of w
  private final float[] wx;
  private final int[] trial;
  private final boolean[] moved;
  private final boolean[] trialMoved;
  private final float[] room = new float[Neighbours.ROOM];
  private float sumQX;
  private float sumQ2;

  /**
   * @param n elements of a sub-block
   */
  PointSearch(Neighbours neighbours, int n) {
    this.neighbours = neighbours;
    bits = neighbours.codebook.bits;
    topLevel = neighbours.codebook.levels - 1;
    dimensions = neighbours.codebook.dimensions;
    values = new float[topLevel + 1];
    for (int level = 0; level <= topLevel; level++) {
      values[level] = 2 * level + 1;
    }
    x = new float[n];
    w = new float[n];
    roots = new float[n];
    wx = new float[n];
    levels = new int[n];
    signs = new int[n / 8];
    points = new int[n / dimensions];
    trial = new int[n / dimensions];
    moved = new boolean[n / dimensions];
    trialMoved = new boolean[n / dimensions];
  }

  /** {@code w = importance · √(sigma2 + x²)}. */
  void weigh(float[] from, int at, float[] importance, int column, float sigma2) {
    for (int i = 0; i < w.length; i++) {
      float value = from[at + i];
      w[i] = importance[column + i] * (float) Math.sqrt(sigma2 + value * value);
    }
  }

  /** {@code w = base + x²}. */
  void weigh(float[] from, int at, float base) {
    for (int i = 0; i < w.length; i++) {
      w[i] = base + from[at + i] * from[at + i];
    }
  }

  /**
   * Splits the sub-block into magnitudes and signs; weights must be set.
   *
   * @param even a reader takes the number of minus signs in a byte to be even: where it is odd, the
   *     element that matters least changes its sign
   */
  void split(float[] from, int at, boolean even) {
    for (int k = 0; k < signs.length; k++) {
      int minus = 0;
      for (int i = 8 * k; i < 8 * k + 8; i++) {
        float value = from[at + i];
        if (value >= 0) {
          x[i] = value;
        } else {
          x[i] = -value;
          minus |= 1 << i - 8 * k;
        }
      }
      if (even && (Integer.bitCount(minus) & 1) != 0) {
        int least = 8 * k;
        float leastError = w[least] * x[least] * x[least];
        for (int i = 8 * k + 1; i < 8 * k + 8; i++) {
          float error = w[i] * x[i] * x[i];
          if (error < leastError) {
            leastError = error;
            least = i;
          }
        }
        x[least] = -x[least];
        minus ^= 1 << least - 8 * k;
      }
      signs[k] = minus;
    }
  }

  float largest() {
    float largest = x[0];
    for (int i = 1; i < x.length; i++) {
      if (x[i] > largest) {
        largest = x[i];
      }
    }
    return largest;
  }

  /**
   * Tries {@code 2·tries + 1} scales around the one under which {@code reach} takes the highest
   * level, and leaves the best scale and points. A scale found negative has its signs turned round.
   *
   * @param start the scale if none tried is better than nothing
   */
  void run(float start, float reach, int tries, float delta, Refit refit) {
    for (int i = 0; i < w.length; i++) {
      roots[i] = (float) Math.sqrt(w[i]);
      wx[i] = w[i] * x[i];
    }
    int topValue = 2 * topLevel + 1;
    scale = start;
    float best = 0;
    Arrays.fill(points, 0);
    Arrays.fill(moved, refit != Refit.MOVED);
    for (int step = -tries; step <= tries; step++) {
      float inverse = (topValue + step * delta) / reach;
      float trialScale = 1 / inverse;
      for (int group = 0; group < trial.length; group++) {
        int point = round(group * dimensions, inverse);
        trialMoved[group] = !neighbours.holds(point);
        trial[group] = trialMoved[group] ? nearest(group, point, trialScale) : point;
      }
      sum(trial);
      if (sumQ2 > 0 && sumQX * sumQX > best * sumQ2) {
        scale = sumQX / sumQ2;
        best = scale * sumQX;
        System.arraycopy(trial, 0, points, 0, trial.length);
        System.arraycopy(trialMoved, 0, moved, 0, trial.length);
      }
    }
    if (scale > 0) {
      refit(refit);
    }
    if (scale < 0) {
      scale = -scale;
      for (int k = 0; k < signs.length; k++) {
        signs[k] ^= 0xFF;
      }
    }
    if (Float.isNaN(scale)) {
      throw Neighbours.tooLarge();
    }
  }

  private void refit(Refit refit) {
    boolean any = refit == Refit.ALL;
    for (boolean group : moved) {
      any |= group;
    }
    if (!any) {
      return;
    }
    float inverse = 1 / scale;
    for (int group = 0; group < points.length; group++) {
      if (moved[group] || refit != Refit.MOVED) {
        int point = round(group * dimensions, inverse);
        points[group] = neighbours.holds(point) ? point : nearest(group, point, scale);
      }
    }
    sum(points);
    if (sumQ2 > 0) {
      scale = sumQX / sumQ2;
    }
  }

  /** The levels of the group at {@code at}, on the codebook or not. */
  private int round(int at, float inverse) {
    return dimensions == 4
        ? level(inverse * x[at])
            | level(inverse * x[at + 1]) << 3
            | level(inverse * x[at + 2]) << 6
            | level(inverse * x[at + 3]) << 9
        : level(inverse * x[at])
            | level(inverse * x[at + 1]) << 2
            | level(inverse * x[at + 2]) << 4
            | level(inverse * x[at + 3]) << 6
            | level(inverse * x[at + 4]) << 8
            | level(inverse * x[at + 5]) << 10
            | level(inverse * x[at + 6]) << 12
            | level(inverse * x[at + 7]) << 14;
  }

  private int level(float scaled) {
    return Rounding.clamp(Rounding.nearest(0.5f * (scaled - 1)), 0, topLevel);
  }

  private int nearest(int group, int point, float trialScale) {
    return neighbours.nearest(point, x, roots, group * dimensions, values, trialScale, room);
  }

  private void sum(int[] of) {
    int mask = (1 << bits) - 1;
    float qx = 0;
    float q2 = 0;
    int i = 0;
    for (int point : of) {
      int rest = point;
      for (int end = i + dimensions; i < end; i++) {
        float q = 2 * (rest & mask) + 1;
        qx += wx[i] * q;
        q2 += w[i] * q * q;
        rest >>= bits;
      }
    }
    sumQX = qx;
    sumQ2 = q2;
  }
}
