package dev.phial.kernel;

import static dev.phial.kernel.Kernels.LANES;
import static dev.phial.kernel.VectorKernels.F;
import static dev.phial.kernel.VectorKernels.MAGIC_BITS;
import static dev.phial.kernel.VectorKernels.bits;
import static dev.phial.kernel.VectorKernels.clear;
import static dev.phial.kernel.VectorKernels.laneExtremes;
import static dev.phial.kernel.VectorKernels.replace;
import static dev.phial.kernel.VectorKernels.round;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/**
 * The state of {@link VectorKernels#searchScale}, an array element a lane; cut up for the reason
 * {@link ScaleMinSearch} is.
 */
final class ScaleSearch {
  private final float[] x;
  private final float[] w;
  private final int n;
  private final int bottom;
  private final int top;

  private final float[] extreme = new float[LANES];
  private final float[] inverse = new float[2 * LANES]; // of the two that are tried
  private final float[] sumLX = new float[2 * LANES];
  private final float[] sumL2 = new float[2 * LANES];
  private final float[] scale = new float[LANES];
  private final float[] best = new float[LANES];
  private final float[] bestInverse = new float[LANES];

  ScaleSearch(float[] x, float[] w, int n, int max) {
    this.x = x;
    this.w = w;
    this.n = n;
    this.bottom = MAGIC_BITS - max;
    this.top = MAGIC_BITS + max - 1;
  }

  void start(int lane) {
    laneExtremes(x, n * LANES, lane).intoArray(extreme, lane);
  }

  /** Sums over the levels of two inverse scales, {@code a / extreme} and {@code b / extreme}. */
  void sum(int lane, float a, float b) {
    FloatVector divisor = FloatVector.fromArray(F, extreme, lane);
    FloatVector byA = FloatVector.broadcast(F, a).div(divisor);
    FloatVector byB = FloatVector.broadcast(F, b).div(divisor);
    FloatVector sumLXA = FloatVector.zero(F);
    FloatVector sumL2A = FloatVector.zero(F);
    FloatVector sumLXB = FloatVector.zero(F);
    FloatVector sumL2B = FloatVector.zero(F);
    for (int i = lane; i < n * LANES; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector wi = FloatVector.fromArray(F, w, i);
      FloatVector wv = wi.mul(v);
      FloatVector levelA = round(byA.mul(v), bottom, top);
      FloatVector levelB = round(byB.mul(v), bottom, top);
      sumLXA = sumLXA.add(wv.mul(levelA));
      sumLXB = sumLXB.add(wv.mul(levelB));
      sumL2A = sumL2A.add(wi.mul(levelA).mul(levelA));
      sumL2B = sumL2B.add(wi.mul(levelB).mul(levelB));
    }
    byA.intoArray(inverse, lane);
    byB.intoArray(inverse, LANES + lane);
    sumLXA.intoArray(sumLX, lane);
    sumLXB.intoArray(sumLX, LANES + lane);
    sumL2A.intoArray(sumL2, lane);
    sumL2B.intoArray(sumL2, LANES + lane);
  }

  void keepFirst(int lane) {
    FloatVector lx = FloatVector.fromArray(F, sumLX, lane);
    FloatVector l2 = FloatVector.fromArray(F, sumL2, lane);
    FloatVector zero = FloatVector.zero(F);
    FloatVector first = zero.blend(lx.div(l2), l2.compare(NE, 0f));
    first.intoArray(scale, lane);
    first.mul(lx).intoArray(best, lane);
    FloatVector.fromArray(F, inverse, lane).intoArray(bestInverse, lane);
  }

  /** Keeps the first or the second of the two where it is better. */
  void keep(int lane, int which) {
    FloatVector lx = FloatVector.fromArray(F, sumLX, which * LANES + lane);
    FloatVector l2 = FloatVector.fromArray(F, sumL2, which * LANES + lane);
    FloatVector old = FloatVector.fromArray(F, best, lane);
    VectorMask<Float> better = l2.compare(GT, 0f).and(lx.mul(lx).compare(GT, old.mul(l2)));
    if (!better.anyTrue()) {
      return; // as most of the time
    }
    FloatVector newScale = lx.div(l2);
    replace(scale, lane, newScale, better);
    replace(best, lane, newScale.mul(lx), better);
    replace(bestInverse, lane, FloatVector.fromArray(F, inverse, which * LANES + lane), better);
  }

  void finish(int lane, float[] scales, int[] levels) {
    FloatVector by = FloatVector.fromArray(F, bestInverse, lane);
    for (int i = lane; i < n * LANES; i += LANES) {
      bits(by.mul(FloatVector.fromArray(F, x, i)), bottom, top).sub(bottom).intoArray(levels, i);
    }
    VectorMask<Float> zero =
        FloatVector.fromArray(F, extreme, lane).lanewise(ABS).compare(LT, ScalarKernels.ALL_ZERO);
    FloatVector.fromArray(F, scale, lane).blend(0f, zero).intoArray(scales, lane);
    if (zero.anyTrue()) {
      clear(levels, n, lane, zero);
    }
  }
}
