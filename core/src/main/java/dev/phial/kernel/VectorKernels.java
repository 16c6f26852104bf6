package dev.phial.kernel;

import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;
import static jdk.incubator.vector.VectorOperators.SQRT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;

/**
 * {@link ScalarKernels} with the Vector API, one sub-block per lane. One source serves every
 * register width: a tile is walked in groups of as many lanes as a register holds.
 *
 * <p>Levels are rounded as ggml does, by adding {@link Rounding#MAGIC}, and clamped while they are
 * still in that form, where the order of the bits is the order of the numbers: two integer
 * operations instead of four. That holds for arguments below 2²²; the searches that could meet
 * larger ones notice and leave the lane to the scalar definition.
 */
final class VectorKernels implements Kernels {
  private static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  private static final VectorSpecies<Integer> I = VectorConstants.INT;
  private static final int WIDTH = F.length();

  private static final float MAGIC = Rounding.MAGIC;
  private static final int MAGIC_BITS = Float.floatToRawIntBits(MAGIC);

  /** Below this, {@link Rounding#nearest} keeps its promise. */
  private static final float ROUNDABLE = 4194303f;

  @Override
  public String describe() {
    return "vector " + F.vectorBitSize() + " bit";
  }

  @Override
  public int firstNonFinite(float[] x, int from, int to) {
    int i = from;
    for (; i + WIDTH <= to; i += WIDTH) {
      IntVector magnitude = FloatVector.fromArray(F, x, i).reinterpretAsInts().and(0x7FFFFFFF);
      if (magnitude.compare(GE, 0x7F800000).anyTrue()) {
        break;
      }
    }
    for (; i < to; i++) {
      if (!Float.isFinite(x[i])) {
        return i;
      }
    }
    return -1;
  }

  @Override
  public void gather(float[] x, int at, int n, int firstLane, int lanes, float[] tile) {
    for (int lane = 0; lane < lanes; lane++) {
      int from = at + lane * n;
      int to = firstLane + lane;
      for (int i = 0; i < n; i++) {
        tile[i * LANES + to] = x[from + i];
      }
    }
  }

  @Override
  public void magnitudes(float[] x, int n, float[] w) {
    for (int i = 0; i < n * LANES; i += WIDTH) {
      FloatVector.fromArray(F, x, i).lanewise(ABS).intoArray(w, i);
    }
  }

  @Override
  public void squares(float[] x, int n, float[] w) {
    for (int i = 0; i < n * LANES; i += WIDTH) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      v.mul(v).intoArray(w, i);
    }
  }

  @Override
  public void meanPlusMagnitudes(float[] x, int n, float[] w) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        sum = sum.add(v.mul(v));
      }
      FloatVector mean = sum.div(n).lanewise(SQRT);
      for (int i = lane; i < n * LANES; i += LANES) {
        mean.add(FloatVector.fromArray(F, x, i).lanewise(ABS)).intoArray(w, i);
      }
    }
  }

  @Override
  public void importanceWeights(float[] x, float[] importance, float[] sigma2, int n, float[] w) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector sigma = FloatVector.fromArray(F, sigma2, lane);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector root = sigma.add(v.mul(v)).lanewise(SQRT);
        FloatVector.fromArray(F, importance, i).mul(root).intoArray(w, i);
      }
    }
  }

  @Override
  public void sums(float[] x, int n, float[] sums) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector sum = FloatVector.zero(F);
      for (int i = lane; i < n * LANES; i += LANES) {
        sum = sum.add(FloatVector.fromArray(F, x, i));
      }
      sum.intoArray(sums, lane);
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
    float[] rounded = new float[n * LANES];
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      long bad =
          searchScaleMin(
              x, w, n, max, first, delta, steps, absolute, scale, min, levels, rounded, lane);
      for (; bad != 0; bad &= bad - 1) {
        ScalarKernels.searchScaleMin(
            x,
            w,
            n,
            max,
            first,
            delta,
            steps,
            absolute,
            scale,
            min,
            levels,
            lane + Long.numberOfTrailingZeros(bad));
      }
    }
  }

  /** Returns the lanes, as bits, whose numbers were too extreme for the short way of rounding. */
  private static long searchScaleMin(
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
      float[] rounded,
      int lane) {
    int end = n * LANES;
    FloatVector v0 = FloatVector.fromArray(F, x, lane);
    FloatVector smallest = v0;
    FloatVector largest = v0;
    FloatVector sumW = FloatVector.fromArray(F, w, lane);
    FloatVector sumX = sumW.mul(v0);
    for (int i = lane + LANES; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector wi = FloatVector.fromArray(F, w, i);
      smallest = smallest.blend(v, v.compare(LT, smallest));
      largest = largest.blend(v, v.compare(GT, largest));
      sumW = sumW.add(wi);
      sumX = sumX.add(wi.mul(v));
    }
    smallest = smallest.blend(0f, smallest.compare(GT, 0f));
    VectorMask<Float> flat = largest.compare(EQ, smallest);

    int top = MAGIC_BITS + max;
    FloatVector min = smallest;
    FloatVector inverse = FloatVector.broadcast(F, max).div(largest.sub(smallest));
    FloatVector scale = FloatVector.broadcast(F, 1f).div(inverse);
    FloatVector bestInverse = inverse;
    FloatVector bestMin = min;
    FloatVector bestError = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector level = round(inverse.mul(v.sub(min)), MAGIC_BITS, top);
      FloatVector error = scale.mul(level).add(min).sub(v);
      FloatVector loss = absolute ? error.lanewise(ABS) : error.mul(error);
      bestError = bestError.add(FloatVector.fromArray(F, w, i).mul(loss));
    }
    VectorMask<Float> good = inverse.mul(smallest.sub(min)).compare(GT, -ROUNDABLE);

    for (int step = 0; step <= steps; step++) {
      inverse = FloatVector.broadcast(F, first + delta * step + max).div(largest.sub(min));
      good = good.and(inverse.mul(smallest.sub(min)).compare(GT, -ROUNDABLE));
      FloatVector sumL = FloatVector.zero(F);
      FloatVector sumL2 = FloatVector.zero(F);
      FloatVector sumXL = FloatVector.zero(F);
      for (int i = lane; i < end; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector level = round(inverse.mul(v.sub(min)), MAGIC_BITS, top);
        FloatVector wl = FloatVector.fromArray(F, w, i).mul(level);
        sumL = sumL.add(wl);
        sumL2 = sumL2.add(wl.mul(level));
        sumXL = sumXL.add(wl.mul(v));
        level.intoArray(rounded, i);
      }
      FloatVector determinant = sumW.mul(sumL2).sub(sumL.mul(sumL));
      FloatVector newScale = sumW.mul(sumXL).sub(sumX.mul(sumL)).div(determinant);
      FloatVector newMin = sumL2.mul(sumX).sub(sumL.mul(sumXL)).div(determinant);
      VectorMask<Float> positive = newMin.compare(GT, 0f);
      newMin = newMin.blend(0f, positive);
      newScale = newScale.blend(sumXL.div(sumL2), positive);
      FloatVector newError = FloatVector.zero(F);
      for (int i = lane; i < end; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector error = newScale.mul(FloatVector.fromArray(F, rounded, i)).add(newMin).sub(v);
        FloatVector loss = absolute ? error.lanewise(ABS) : error.mul(error);
        newError = newError.add(FloatVector.fromArray(F, w, i).mul(loss));
      }
      VectorMask<Float> better = determinant.compare(GT, 0f).and(newError.compare(LT, bestError));
      bestError = bestError.blend(newError, better);
      bestInverse = bestInverse.blend(inverse, better);
      bestMin = bestMin.blend(min, better);
      scale = scale.blend(newScale, better);
      min = min.blend(newMin, better);
    }
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      bits(bestInverse.mul(v.sub(bestMin)), MAGIC_BITS, top).sub(MAGIC_BITS).intoArray(levels, i);
    }
    scale.blend(0f, flat).intoArray(scales, lane);
    min.blend(smallest, flat).neg().intoArray(mins, lane);
    if (flat.anyTrue()) {
      clear(levels, n, lane, flat);
    }
    return good.or(flat).not().toLong();
  }

  @Override
  public void searchScale(float[] x, float[] w, int n, int max, float[] scale, int[] levels) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      searchScale(x, w, n, max, scale, levels, lane);
    }
  }

  private static void searchScale(
      float[] x, float[] w, int n, int max, float[] scales, int[] levels, int lane) {
    int end = n * LANES;
    int bottom = MAGIC_BITS - max;
    int top = MAGIC_BITS + max - 1;
    FloatVector extreme = extreme(x, end, lane);
    VectorMask<Float> zero = extreme.lanewise(ABS).compare(LT, ScalarKernels.ALL_ZERO);

    FloatVector bestInverse = FloatVector.zero(F);
    FloatVector scale = FloatVector.zero(F);
    FloatVector best = FloatVector.zero(F);
    for (int step = -10; step <= 9; step++) {
      if (step == 0) {
        continue;
      }
      // ggml tries the plain inverse first, then nine to each side of it
      boolean start = step == -10;
      FloatVector inverse =
          FloatVector.broadcast(F, start ? -max : -(max + 0.1f * step)).div(extreme);
      FloatVector sumLX = FloatVector.zero(F);
      FloatVector sumL2 = FloatVector.zero(F);
      for (int i = lane; i < end; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector wi = FloatVector.fromArray(F, w, i);
        FloatVector level = round(inverse.mul(v), bottom, top);
        sumLX = sumLX.add(wi.mul(v).mul(level));
        sumL2 = sumL2.add(wi.mul(level).mul(level));
      }
      VectorMask<Float> better =
          start
              ? sumL2.compare(NE, 0f)
              : sumL2.compare(GT, 0f).and(sumLX.mul(sumLX).compare(GT, best.mul(sumL2)));
      FloatVector newScale = sumLX.div(sumL2);
      bestInverse = start ? inverse : bestInverse.blend(inverse, better);
      scale = scale.blend(newScale, better);
      best = best.blend(newScale.mul(sumLX), better);
    }
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      bits(bestInverse.mul(v), bottom, top).sub(bottom).intoArray(levels, i);
    }
    scale.blend(0f, zero).intoArray(scales, lane);
    if (zero.anyTrue()) {
      clear(levels, n, lane, zero);
    }
  }

  @Override
  public void descendScale(float[] x, int n, int max, float[] scale, int[] levels) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      descendScale(x, n, max, scale, levels, lane);
    }
  }

  private static void descendScale(
      float[] x, int n, int max, float[] scales, int[] levels, int lane) {
    int end = n * LANES;
    float[] rounded = new float[end];
    FloatVector extreme = extreme(x, end, lane);
    VectorMask<Float> zero = extreme.lanewise(ABS).compare(LT, ScalarKernels.ALL_ZERO);
    FloatVector inverse = FloatVector.broadcast(F, -max).div(extreme);
    FloatVector sumLX = FloatVector.zero(F);
    FloatVector sumL2 = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector w = v.mul(v);
      FloatVector level = round(inverse.mul(v), MAGIC_BITS - max, MAGIC_BITS + max - 1);
      sumLX = sumLX.add(w.mul(v).mul(level));
      sumL2 = sumL2.add(w.mul(level).mul(level));
      level.intoArray(rounded, i);
    }
    for (int pass = 0; pass < 5; pass++) {
      // a lane that a whole pass leaves alone would be left alone by the next ones too
      VectorMask<Float> changed = F.maskAll(false);
      for (int i = lane; i < end; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector level = FloatVector.fromArray(F, rounded, i);
        FloatVector w = v.mul(v);
        FloatVector wv = w.mul(v);
        FloatVector restLX = sumLX.sub(wv.mul(level));
        FloatVector restL2 = sumL2.sub(w.mul(level).mul(level));
        FloatVector newLevel = roundAny(v.mul(restL2).div(restLX), -max, max - 1);
        VectorMask<Float> better = restLX.compare(GT, 0f).and(newLevel.compare(NE, level));
        restLX = restLX.add(wv.mul(newLevel));
        restL2 = restL2.add(w.mul(newLevel).mul(newLevel));
        better =
            better
                .and(restL2.compare(GT, 0f))
                .and(restLX.mul(restLX).mul(sumL2).compare(GT, sumLX.mul(sumLX).mul(restL2)));
        level.blend(newLevel, better).intoArray(rounded, i);
        sumLX = sumLX.blend(restLX, better);
        sumL2 = sumL2.blend(restL2, better);
        changed = changed.or(better);
      }
      if (!changed.anyTrue()) {
        break;
      }
    }
    for (int i = lane; i < end; i += LANES) {
      ints(FloatVector.fromArray(F, rounded, i).add(max)).intoArray(levels, i);
    }
    FloatVector scale = FloatVector.zero(F).blend(sumLX.div(sumL2), sumL2.compare(GT, 0f));
    scale.blend(0f, zero).intoArray(scales, lane);
    if (zero.anyTrue()) {
      clear(levels, n, lane, zero);
    }
  }

  @Override
  public void searchCodebookScale(
      float[] x, float[] w, int n, byte[] codebook, int tries, float[] scale) {
    float[] steps = steps(codebook);
    float[] midpoints = midpoints(codebook);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      searchCodebookScale(x, w, n, codebook[0], steps, midpoints, tries, scale, lane);
    }
  }

  private static void searchCodebookScale(
      float[] x,
      float[] w,
      int n,
      float lowest,
      float[] steps,
      float[] midpoints,
      int tries,
      float[] scales,
      int lane) {
    int end = n * LANES;
    FloatVector extreme = extreme(x, end, lane);
    VectorMask<Float> zero = extreme.lanewise(ABS).compare(LT, ScalarKernels.ALL_ZERO);
    FloatVector one = FloatVector.broadcast(F, 1f);
    FloatVector scale = FloatVector.zero(F);
    FloatVector best = FloatVector.zero(F);
    for (int attempt = -tries - 1; attempt <= tries; attempt++) {
      boolean start = attempt < -tries;
      FloatVector inverse =
          start
              ? one.div(extreme.neg().div(lowest))
              : FloatVector.broadcast(F, attempt + lowest).div(extreme);
      FloatVector sumQX = FloatVector.zero(F);
      FloatVector sumQ2 = FloatVector.zero(F);
      for (int i = lane; i < end; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i);
        FloatVector scaled = inverse.mul(v);
        FloatVector q = FloatVector.broadcast(F, lowest);
        for (int k = 0; k < midpoints.length; k++) {
          q = q.add(steps[k], scaled.compare(GE, midpoints[k]));
        }
        FloatVector wq = FloatVector.fromArray(F, w, i).mul(q);
        sumQX = sumQX.add(wq.mul(v));
        sumQ2 = sumQ2.add(wq.mul(q));
      }
      VectorMask<Float> better = sumQ2.compare(GT, 0f);
      if (!start) {
        better = better.and(sumQX.mul(sumQX).compare(GT, best.mul(sumQ2)));
      }
      FloatVector newScale = sumQX.div(sumQ2);
      scale = scale.blend(newScale, better);
      best = best.blend(newScale.mul(sumQX), better);
    }
    scale.blend(0f, zero).intoArray(scales, lane);
  }

  @Override
  public void nearestInCodebook(float[] x, float[] inverse, int n, byte[] codebook, int[] levels) {
    float[] midpoints = midpoints(codebook);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector by = FloatVector.fromArray(F, inverse, lane);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector scaled = by.mul(FloatVector.fromArray(F, x, i));
        // counting down from the top puts NaN where the reference's comparisons put it
        IntVector level = IntVector.broadcast(I, midpoints.length);
        for (float midpoint : midpoints) {
          level = level.sub(1, scaled.compare(LT, midpoint).cast(I));
        }
        level.intoArray(levels, i);
      }
    }
  }

  @Override
  public void quantize(
      float[] x, float[] scale, float[] min, int n, int low, int high, int[] levels) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector d = FloatVector.fromArray(F, scale, lane);
      FloatVector m = FloatVector.fromArray(F, min, lane);
      VectorMask<Integer> used = d.compare(NE, 0f).cast(I);
      for (int i = lane; i < n * LANES; i += LANES) {
        FloatVector v = FloatVector.fromArray(F, x, i).add(m).div(d);
        nearest(v).max(low).min(high).sub(low).intoArray(levels, i, used);
      }
    }
  }

  /** The element of largest magnitude in each lane, the first of several. */
  private static FloatVector extreme(float[] x, int end, int lane) {
    FloatVector magnitude = FloatVector.zero(F);
    FloatVector extreme = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector a = v.lanewise(ABS);
      VectorMask<Float> larger = a.compare(GT, magnitude);
      magnitude = magnitude.blend(a, larger);
      extreme = extreme.blend(v, larger);
    }
    return extreme;
  }

  /** The bits of {@code nearest(v) + MAGIC}, clamped; for |v| below 2²². */
  private static IntVector bits(FloatVector v, int bottom, int top) {
    return v.add(MAGIC).reinterpretAsInts().max(bottom).min(top);
  }

  private static FloatVector round(FloatVector v, int bottom, int top) {
    return bits(v, bottom, top).reinterpretAsFloats().sub(MAGIC);
  }

  /** {@link Rounding#nearest} for any argument. */
  private static IntVector nearest(FloatVector v) {
    return v.add(MAGIC).reinterpretAsInts().and(0x007FFFFF).sub(0x00400000);
  }

  private static FloatVector roundAny(FloatVector v, int low, int high) {
    return nearest(v).max(low).min(high).add(MAGIC_BITS).reinterpretAsFloats().sub(MAGIC);
  }

  /** Small whole numbers as ints. */
  private static IntVector ints(FloatVector v) {
    return v.add(MAGIC).reinterpretAsInts().sub(MAGIC_BITS);
  }

  private static void clear(int[] levels, int n, int lane, VectorMask<Float> which) {
    IntVector zero = IntVector.zero(I);
    VectorMask<Integer> mask = which.cast(I);
    for (int i = lane; i < n * LANES; i += LANES) {
      zero.intoArray(levels, i, mask);
    }
  }

  /** From each value to the next. */
  private static float[] steps(byte[] codebook) {
    float[] steps = new float[codebook.length - 1];
    for (int k = 0; k < steps.length; k++) {
      steps[k] = codebook[k + 1] - codebook[k];
    }
    return steps;
  }

  /** Halfway between neighbours; exact, since the values are small integers. */
  private static float[] midpoints(byte[] codebook) {
    float[] midpoints = new float[codebook.length - 1];
    for (int k = 0; k < midpoints.length; k++) {
      midpoints[k] = (codebook[k] + codebook[k + 1]) / 2f;
    }
    return midpoints;
  }
}
