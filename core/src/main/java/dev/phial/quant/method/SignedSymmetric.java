package dev.phial.quant.method;

import dev.phial.kernel.Rounding;

/**
 * Integers around zero with a positive scale, as accelerators want weights: whole rows share a
 * scale, so with 4 bits the best of some scales that cut off outliers is taken, by squared error.
 */
public record SignedSymmetric(int bits) implements GroupMethod {
  private static final int TRIES = 12;
  private static final float STEP = 0.04f; // of the largest scale, from try to try

  @Override
  public boolean hasZeros() {
    return false;
  }

  @Override
  public boolean hasPositiveScales() {
    return true;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    int middle = 1 << bits - 1;
    int most = middle - 1;
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      float largest = 0;
      for (int i = start; i < start + size; i++) {
        largest = Math.max(largest, Math.abs(x[i]));
      }
      float scale = best(x, start, size, largest / most);
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) middle;
      for (int i = 0; i < size; i++) {
        float code = Math.clamp(Rounding.even(x[start + i] / scale), -middle, most);
        to.codes()[group * size + i] = (byte) ((int) code + middle);
      }
    }
  }

  private float best(float[] x, int from, int size, float widest) {
    if (widest < Float.MIN_NORMAL) {
      return 1; // all codes are zero
    }
    if (bits > 4) {
      return widest;
    }
    float best = widest;
    double least = Double.POSITIVE_INFINITY;
    for (int i = 0; i < TRIES; i++) {
      float scale = widest * (1 - i * STEP);
      double error = error(x, from, size, scale);
      if (error < least) {
        least = error;
        best = scale;
      }
    }
    return best;
  }

  private double error(float[] x, int from, int size, float scale) {
    int middle = 1 << bits - 1;
    float least = -middle;
    float most = middle - 1;
    double sum = 0;
    for (int i = from; i < from + size; i++) {
      float code = Math.min(Math.max(Rounding.even(x[i] / scale), least), most);
      float difference = x[i] - code * scale;
      sum += (double) difference * difference;
    }
    return sum;
  }
}
