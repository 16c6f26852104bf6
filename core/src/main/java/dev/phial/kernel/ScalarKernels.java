package dev.phial.kernel;

import static dev.phial.kernel.Rounding.clamp;
import static dev.phial.kernel.Rounding.nearest;

/**
 * The definition of every kernel. The quantizers follow ggml's float operations one by one, in its
 * order (ggml-quants.c, compiled without fused multiply-add), which is what makes the bytes equal.
 */
final class ScalarKernels implements Kernels {
  /**
   * Sub-blocks whose largest magnitude is below this are all zero: ggml's {@code GROUP_MAX_EPS}.
   */
  static final float ALL_ZERO = 1e-15f;

  @Override
  public String describe() {
    return "scalar";
  }

  @Override
  public int firstNonFinite(float[] x, int from, int to) {
    for (int i = from; i < to; i++) {
      if (!Float.isFinite(x[i])) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public float extreme(float[] x, int from, int n) {
    float magnitude = 0;
    float extreme = 0;
    for (int i = from; i < from + n; i++) {
      if (Math.abs(x[i]) > magnitude) {
        magnitude = Math.abs(x[i]);
        extreme = x[i];
      }
    }
    return extreme;
  }

  @Override
  public float smallest32(float[] x, int from) {
    float smallest = x[from];
    for (int i = from + 1; i < from + 32; i++) {
      // not Math.min: like the reference, keep the first of -0 and 0
      if (x[i] < smallest) {
        smallest = x[i];
      }
    }
    return smallest;
  }

  @Override
  public float largest32(float[] x, int from) {
    float largest = x[from];
    for (int i = from + 1; i < from + 32; i++) {
      if (x[i] > largest) {
        largest = x[i];
      }
    }
    return largest;
  }

  @Override
  public void roundAway32(float[] x, int from, float inverse, byte[] to, int at) {
    for (int i = 0; i < 32; i++) {
      to[at + i] = (byte) Rounding.round(x[from + i] * inverse);
    }
  }

  @Override
  public int truncate32(
      float[] x, int from, float min, float inverse, float bias, int most, byte[] to, int at) {
    int fifthBits = 0;
    for (int i = 0; i < 16; i++) {
      int low = level(x[from + i], min, inverse, bias, most);
      int high = level(x[from + 16 + i], min, inverse, bias, most);
      to[at + i] = (byte) (low & 0xF | high << 4);
      fifthBits |= (low >> 4 & 1) << i | (high >> 4 & 1) << 16 + i;
    }
    return fifthBits;
  }

  /** C holds the level in a signed byte before it limits it. */
  private static int level(float x, float min, float inverse, float bias, int most) {
    return Math.min(most, (byte) Rounding.truncate((x - min) * inverse + bias));
  }

  @Override
  public void roundToBfloat16(float[] x, int from, int n, short[] bits) {
    for (int i = 0; i < n; i++) {
      bits[i] = bfloat16(x[from + i]);
    }
  }

  static short bfloat16(float x) {
    int single = Float.floatToRawIntBits(x);
    return (short) (single + 0x7FFF + (single >> 16 & 1) >> 16);
  }

  @Override
  public void gather(float[] x, int at, int n, int firstLane, int lanes, float[] tile) {
    for (int lane = 0; lane < lanes; lane++) {
      for (int i = 0; i < n; i++) {
        tile[i * LANES + firstLane + lane] = x[at + lane * n + i];
      }
    }
  }

  @Override
  public void magnitudes(float[] x, int n, float[] w) {
    for (int i = 0; i < n * LANES; i++) {
      w[i] = Math.abs(x[i]);
    }
  }

  @Override
  public void squares(float[] x, int n, float[] w) {
    for (int i = 0; i < n * LANES; i++) {
      w[i] = x[i] * x[i];
    }
  }

  @Override
  public void meanPlusMagnitudes(float[] x, int n, float[] w) {
    for (int lane = 0; lane < LANES; lane++) {
      float sum = 0;
      for (int i = 0; i < n; i++) {
        float v = x[i * LANES + lane];
        sum += v * v;
      }
      float mean = (float) Math.sqrt(sum / n);
      for (int i = 0; i < n; i++) {
        w[i * LANES + lane] = mean + Math.abs(x[i * LANES + lane]);
      }
    }
  }

  @Override
  public void importanceWeights(float[] x, float[] importance, float[] sigma2, int n, float[] w) {
    for (int i = 0; i < n; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        int at = i * LANES + lane;
        w[at] = importance[at] * (float) Math.sqrt(sigma2[lane] + x[at] * x[at]);
      }
    }
  }

  @Override
  public void sums(float[] x, int n, float[] sums) {
    for (int lane = 0; lane < LANES; lane++) {
      float sum = 0;
      for (int i = 0; i < n; i++) {
        sum += x[i * LANES + lane];
      }
      sums[lane] = sum;
    }
  }

  @Override
  public void searchScaleMin(
      float[] x,
      float[] w,
      int n,
      int max,
      float first,
      float delta,
      int steps,
      boolean absolute,
      float[] scale,
      float[] min,
      int[] levels) {
    for (int lane = 0; lane < LANES; lane++) {
      searchScaleMin(x, w, n, max, first, delta, steps, absolute, scale, min, levels, lane);
    }
  }

  static void searchScaleMin(
      float[] x,
      float[] w,
      int n,
      int max,
      float first,
      float delta,
      int steps,
      boolean absolute,
      float[] scales,
      float[] mins,
      int[] levels,
      int lane) {
    float smallest = x[lane];
    float largest = x[lane];
    float sumW = w[lane];
    float sumX = sumW * x[lane];
    for (int i = 1; i < n; i++) {
      float v = x[i * LANES + lane];
      if (v < smallest) {
        smallest = v;
      }
      if (v > largest) {
        largest = v;
      }
      sumW += w[i * LANES + lane];
      sumX += w[i * LANES + lane] * v;
    }
    if (smallest > 0) {
      smallest = 0;
    }
    if (largest == smallest) {
      for (int i = 0; i < n; i++) {
        levels[i * LANES + lane] = 0;
      }
      scales[lane] = 0;
      mins[lane] = -smallest;
      return;
    }
    float inverse = max / (largest - smallest);
    float scale = 1 / inverse;
    float min = smallest;
    float bestInverse = inverse; // with bestMin, what the best levels were rounded with
    float bestMin = min;
    float bestError = 0;
    for (int i = 0; i < n; i++) {
      float v = x[i * LANES + lane];
      int level = clamp(nearest(inverse * (v - min)), 0, max);
      float error = scale * level + min - v;
      bestError += w[i * LANES + lane] * (absolute ? Math.abs(error) : error * error);
    }
    for (int step = 0; step <= steps; step++) {
      inverse = (first + delta * step + max) / (largest - min);
      float sumL = 0;
      float sumL2 = 0;
      float sumXL = 0;
      for (int i = 0; i < n; i++) {
        float v = x[i * LANES + lane];
        int level = clamp(nearest(inverse * (v - min)), 0, max);
        float wl = w[i * LANES + lane] * level;
        sumL += wl;
        sumL2 += wl * level;
        sumXL += wl * v;
      }
      float determinant = sumW * sumL2 - sumL * sumL;
      if (!(determinant > 0)) {
        continue;
      }
      float newScale = (sumW * sumXL - sumX * sumL) / determinant;
      float newMin = (sumL2 * sumX - sumL * sumXL) / determinant;
      if (newMin > 0) {
        newMin = 0;
        newScale = sumXL / sumL2;
      }
      float newError = 0;
      for (int i = 0; i < n; i++) {
        float v = x[i * LANES + lane];
        int level = clamp(nearest(inverse * (v - min)), 0, max);
        float error = newScale * level + newMin - v;
        newError += w[i * LANES + lane] * (absolute ? Math.abs(error) : error * error);
      }
      if (newError < bestError) {
        bestError = newError;
        bestInverse = inverse;
        bestMin = min;
        scale = newScale;
        min = newMin;
      }
    }
    for (int i = 0; i < n; i++) {
      levels[i * LANES + lane] =
          clamp(nearest(bestInverse * (x[i * LANES + lane] - bestMin)), 0, max);
    }
    scales[lane] = scale;
    mins[lane] = -min;
  }

  @Override
  public void searchScale(float[] x, float[] w, int n, int max, float[] scale, int[] levels) {
    for (int lane = 0; lane < LANES; lane++) {
      searchScale(x, w, n, max, scale, levels, lane);
    }
  }

  static void searchScale(
      float[] x, float[] w, int n, int max, float[] scales, int[] levels, int lane) {
    float extreme = laneExtreme(x, n, lane);
    if (Math.abs(extreme) < ALL_ZERO) {
      zero(n, scales, levels, lane);
      return;
    }
    float inverse = -max / extreme;
    float sumLX = 0;
    float sumL2 = 0;
    for (int i = 0; i < n; i++) {
      float v = x[i * LANES + lane];
      int level = clamp(nearest(inverse * v), -max, max - 1);
      sumLX += w[i * LANES + lane] * v * level;
      sumL2 += w[i * LANES + lane] * level * level;
    }
    float bestInverse = inverse;
    float scale = sumL2 != 0 ? sumLX / sumL2 : 0;
    float best = scale * sumLX;
    for (int step = -9; step <= 9; step++) {
      if (step == 0) {
        continue;
      }
      inverse = -(max + 0.1f * step) / extreme;
      sumLX = 0;
      sumL2 = 0;
      for (int i = 0; i < n; i++) {
        float v = x[i * LANES + lane];
        int level = clamp(nearest(inverse * v), -max, max - 1);
        sumLX += w[i * LANES + lane] * v * level;
        sumL2 += w[i * LANES + lane] * level * level;
      }
      if (sumL2 > 0 && sumLX * sumLX > best * sumL2) {
        bestInverse = inverse;
        scale = sumLX / sumL2;
        best = scale * sumLX;
      }
    }
    for (int i = 0; i < n; i++) {
      levels[i * LANES + lane] =
          max + clamp(nearest(bestInverse * x[i * LANES + lane]), -max, max - 1);
    }
    scales[lane] = scale;
  }

  @Override
  public void descendScale(float[] x, int n, int max, float[] scale, int[] levels) {
    for (int lane = 0; lane < LANES; lane++) {
      descendScale(x, n, max, scale, levels, lane);
    }
  }

  static void descendScale(float[] x, int n, int max, float[] scales, int[] levels, int lane) {
    float extreme = laneExtreme(x, n, lane);
    if (Math.abs(extreme) < ALL_ZERO) {
      zero(n, scales, levels, lane);
      return;
    }
    float inverse = -max / extreme;
    float sumLX = 0;
    float sumL2 = 0;
    for (int i = 0; i < n; i++) {
      float v = x[i * LANES + lane];
      int level = clamp(nearest(inverse * v), -max, max - 1);
      levels[i * LANES + lane] = level;
      float w = v * v;
      sumLX += w * v * level;
      sumL2 += w * level * level;
    }
    for (int pass = 0; pass < 5; pass++) {
      boolean changed = false;
      for (int i = 0; i < n; i++) {
        float v = x[i * LANES + lane];
        int level = levels[i * LANES + lane];
        float w = v * v;
        float restLX = sumLX - w * v * level;
        if (!(restLX > 0)) {
          continue;
        }
        float restL2 = sumL2 - w * level * level;
        int newLevel = clamp(nearest(v * restL2 / restLX), -max, max - 1);
        if (newLevel == level) {
          continue;
        }
        restLX += w * v * newLevel;
        restL2 += w * newLevel * newLevel;
        if (restL2 > 0 && restLX * restLX * sumL2 > sumLX * sumLX * restL2) {
          levels[i * LANES + lane] = newLevel;
          sumLX = restLX;
          sumL2 = restL2;
          changed = true;
        }
      }
      if (!changed) {
        break;
      }
    }
    for (int i = 0; i < n; i++) {
      levels[i * LANES + lane] += max;
    }
    scales[lane] = sumL2 > 0 ? sumLX / sumL2 : 0;
  }

  @Override
  public void searchCodebookScale(
      float[] x, float[] w, int n, byte[] codebook, int tries, float[] scale) {
    for (int lane = 0; lane < LANES; lane++) {
      searchCodebookScale(x, w, n, codebook, tries, scale, lane);
    }
  }

  static void searchCodebookScale(
      float[] x, float[] w, int n, byte[] codebook, int tries, float[] scales, int lane) {
    float extreme = laneExtreme(x, n, lane);
    if (Math.abs(extreme) < ALL_ZERO) {
      scales[lane] = 0;
      return;
    }
    float scale = 0;
    float best = 0;
    for (int attempt = -tries - 1; attempt <= tries; attempt++) {
      boolean start = attempt < -tries;
      float inverse = start ? 1 / (-extreme / codebook[0]) : (attempt + codebook[0]) / extreme;
      float sumQX = 0;
      float sumQ2 = 0;
      for (int i = 0; i < n; i++) {
        float v = x[i * LANES + lane];
        float q = codebook[closest(codebook, inverse * v)];
        float wq = w[i * LANES + lane] * q;
        sumQX += wq * v;
        sumQ2 += wq * q;
      }
      if (start) {
        scale = sumQ2 > 0 ? sumQX / sumQ2 : 0;
        best = scale * sumQX;
      } else if (sumQ2 > 0 && sumQX * sumQX > best * sumQ2) {
        scale = sumQX / sumQ2;
        best = scale * sumQX;
      }
    }
    scales[lane] = scale;
  }

  @Override
  public void nearestInCodebook(float[] x, float[] inverse, int n, byte[] codebook, int[] levels) {
    for (int i = 0; i < n; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        levels[i * LANES + lane] = closest(codebook, inverse[lane] * x[i * LANES + lane]);
      }
    }
  }

  /**
   * ggml's {@code best_index_int8}: the index of the nearest value, the upper one of two equally
   * near.
   */
  static int closest(byte[] codebook, float x) {
    int last = codebook.length - 1;
    if (x <= codebook[0]) {
      return 0;
    }
    if (x >= codebook[last]) {
      return last;
    }
    int below = 0;
    int above = last;
    while (above - below > 1) {
      int middle = (below + above) / 2;
      if (x < codebook[middle]) {
        above = middle;
      } else {
        below = middle;
      }
    }
    return x - codebook[above - 1] < codebook[above] - x ? above - 1 : above;
  }

  @Override
  public void quantize(
      float[] x, float[] scale, float[] min, int n, int low, int high, int[] levels) {
    for (int lane = 0; lane < LANES; lane++) {
      if (scale[lane] == 0) {
        continue;
      }
      for (int i = 0; i < n; i++) {
        levels[i * LANES + lane] =
            clamp(nearest((x[i * LANES + lane] + min[lane]) / scale[lane]), low, high) - low;
      }
    }
  }

  /** The element of largest magnitude, the first of several. */
  private static float laneExtreme(float[] x, int n, int lane) {
    float magnitude = 0;
    float extreme = 0;
    for (int i = 0; i < n; i++) {
      float v = x[i * LANES + lane];
      if (Math.abs(v) > magnitude) {
        magnitude = Math.abs(v);
        extreme = v;
      }
    }
    return extreme;
  }

  private static void zero(int n, float[] scales, int[] levels, int lane) {
    for (int i = 0; i < n; i++) {
      levels[i * LANES + lane] = 0;
    }
    scales[lane] = 0;
  }
}
