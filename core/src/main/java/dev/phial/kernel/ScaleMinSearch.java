package dev.phial.kernel;

import static dev.phial.kernel.Kernels.LANES;
import static dev.phial.kernel.VectorKernels.F;
import static dev.phial.kernel.VectorKernels.I;
import static dev.phial.kernel.VectorKernels.MAGIC_BITS;
import static dev.phial.kernel.VectorKernels.ROUNDABLE;
import static dev.phial.kernel.VectorKernels.bits;
import static dev.phial.kernel.VectorKernels.clear;
import static dev.phial.kernel.VectorKernels.replace;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/**
 * The state of {@link VectorKernels#searchScaleMin}, an array element a lane. The search is cut
 * into methods because the compiler stops inlining in a method beyond some size, and a vector
 * operation that is not inlined allocates.
 */
final class ScaleMinSearch {
  private final float[] x;
  private final float[] w;
  private final int end;
  private final int top;
  private final float max;
  private final boolean absolute;

  private final float[] smallest = new float[LANES];
  private final float[] largest = new float[LANES];
  private final float[] sumW = new float[LANES];
  private final float[] sumX = new float[LANES];
  private final float[] inverse = new float[LANES];
  private final float[] newScale = new float[LANES];
  private final float[] newMin = new float[LANES];
  private final float[] determinant = new float[LANES];
  private final float[] scale = new float[LANES];
  private final float[] min = new float[LANES];
  private final float[] bestInverse = new float[LANES];
  private final float[] bestMin = new float[LANES];
  private final float[] bestError = new float[LANES];
  private final float[] lowest = new float[LANES]; // what would be rounded that is smallest
  private final int[]
      levels; // [n][LANES], of the step, as the bits of floats; in the end as they are

  ScaleMinSearch(float[] x, float[] w, int n, int max, boolean absolute, int[] levels) {
    this.x = x;
    this.w = w;
    this.end = n * LANES;
    this.top = MAGIC_BITS + max;
    this.max = max;
    this.absolute = absolute;
    this.levels = levels;
  }

  /** Range and weighted sums of the lanes, and the error of the plain scale. */
  void start(int lane) {
    FloatVector v0 = FloatVector.fromArray(F, x, lane);
    FloatVector low = v0;
    FloatVector high = v0;
    FloatVector weight = FloatVector.fromArray(F, w, lane);
    FloatVector product = weight.mul(v0);
    for (int i = lane + LANES; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector wi = FloatVector.fromArray(F, w, i);
      low = low.blend(v, v.compare(LT, low));
      high = high.blend(v, v.compare(GT, high));
      weight = weight.add(wi);
      product = product.add(wi.mul(v));
    }
    low = low.blend(0f, low.compare(GT, 0f));
    low.intoArray(smallest, lane);
    high.intoArray(largest, lane);
    weight.intoArray(sumW, lane);
    product.intoArray(sumX, lane);
    FloatVector start = FloatVector.broadcast(F, max).div(high.sub(low));
    FloatVector zero = FloatVector.zero(F);
    start.intoArray(inverse, lane);
    start.intoArray(bestInverse, lane);
    low.intoArray(min, lane);
    low.intoArray(bestMin, lane);
    zero.intoArray(lowest, lane);
    FloatVector one = FloatVector.broadcast(F, 1f);
    FloatVector plain = one.div(start);
    plain.intoArray(scale, lane);
    plain.intoArray(newScale, lane);
    low.intoArray(newMin, lane);
    round(lane, start, low);
    FloatVector.broadcast(F, Float.POSITIVE_INFINITY).intoArray(bestError, lane);
    one.intoArray(determinant, lane);
    judge(lane);
  }

  private void round(int lane, FloatVector by, FloatVector from) {
    for (int i = lane; i < end; i += LANES) {
      VectorKernels.round(by.mul(FloatVector.fromArray(F, x, i).sub(from)), MAGIC_BITS, top)
          .reinterpretAsInts()
          .intoArray(levels, i);
    }
  }

  /** The levels of one inverse scale, and the scale and minimum that suit them best. */
  void fit(int lane, float range) {
    FloatVector from = FloatVector.fromArray(F, min, lane);
    FloatVector by =
        FloatVector.broadcast(F, range).div(FloatVector.fromArray(F, largest, lane).sub(from));
    FloatVector sumL = FloatVector.zero(F);
    FloatVector sumL2 = FloatVector.zero(F);
    FloatVector sumXL = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector level = VectorKernels.round(by.mul(v.sub(from)), MAGIC_BITS, top);
      FloatVector wl = FloatVector.fromArray(F, w, i).mul(level);
      sumL = sumL.add(wl);
      sumL2 = sumL2.add(wl.mul(level));
      sumXL = sumXL.add(wl.mul(v));
      level.reinterpretAsInts().intoArray(levels, i);
    }
    by.intoArray(inverse, lane);
    FloatVector least = by.mul(FloatVector.fromArray(F, smallest, lane).sub(from));
    FloatVector.fromArray(F, lowest, lane).min(least).intoArray(lowest, lane);
    FloatVector weight = FloatVector.fromArray(F, sumW, lane);
    FloatVector product = FloatVector.fromArray(F, sumX, lane);
    FloatVector det = weight.mul(sumL2).sub(sumL.mul(sumL));
    FloatVector fitScale = weight.mul(sumXL).sub(product.mul(sumL)).div(det);
    FloatVector fitMin = sumL2.mul(product).sub(sumL.mul(sumXL)).div(det);
    VectorMask<Float> positive = fitMin.compare(GT, 0f);
    det.intoArray(determinant, lane);
    fitScale.blend(sumXL.div(sumL2), positive).intoArray(newScale, lane);
    fitMin.blend(0f, positive).intoArray(newMin, lane);
  }

  /** Keeps what {@link #fit} found in the lanes where its error is smaller. */
  void judge(int lane) {
    FloatVector fitScale = FloatVector.fromArray(F, newScale, lane);
    FloatVector fitMin = FloatVector.fromArray(F, newMin, lane);
    FloatVector error =
        absolute ? sumOfMagnitudes(lane, fitScale, fitMin) : sumOfSquares(lane, fitScale, fitMin);
    FloatVector best = FloatVector.fromArray(F, bestError, lane);
    VectorMask<Float> better =
        FloatVector.fromArray(F, determinant, lane).compare(GT, 0f).and(error.compare(LT, best));
    best.blend(error, better).intoArray(bestError, lane);
    replace(bestInverse, lane, FloatVector.fromArray(F, inverse, lane), better);
    replace(bestMin, lane, FloatVector.fromArray(F, min, lane), better);
    replace(scale, lane, fitScale, better);
    replace(min, lane, fitMin, better);
  }

  private FloatVector sumOfSquares(int lane, FloatVector fitScale, FloatVector fitMin) {
    FloatVector sum = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector error =
          fitScale
              .mul(IntVector.fromArray(I, levels, i).reinterpretAsFloats())
              .add(fitMin)
              .sub(FloatVector.fromArray(F, x, i));
      sum = sum.add(FloatVector.fromArray(F, w, i).mul(error.mul(error)));
    }
    return sum;
  }

  private FloatVector sumOfMagnitudes(int lane, FloatVector fitScale, FloatVector fitMin) {
    FloatVector sum = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector error =
          fitScale
              .mul(IntVector.fromArray(I, levels, i).reinterpretAsFloats())
              .add(fitMin)
              .sub(FloatVector.fromArray(F, x, i));
      sum = sum.add(FloatVector.fromArray(F, w, i).mul(error.lanewise(ABS)));
    }
    return sum;
  }

  /**
   * Writes the result; returns the lanes, as bits, whose numbers were too extreme for the short way
   * of rounding.
   */
  long finish(int lane, float[] scales, float[] mins) {
    FloatVector low = FloatVector.fromArray(F, smallest, lane);
    VectorMask<Float> flat = FloatVector.fromArray(F, largest, lane).compare(EQ, low);
    FloatVector by = FloatVector.fromArray(F, bestInverse, lane);
    FloatVector from = FloatVector.fromArray(F, bestMin, lane);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      bits(by.mul(v.sub(from)), MAGIC_BITS, top).sub(MAGIC_BITS).intoArray(levels, i);
    }
    FloatVector.fromArray(F, scale, lane).blend(0f, flat).intoArray(scales, lane);
    FloatVector.fromArray(F, min, lane).blend(low, flat).neg().intoArray(mins, lane);
    if (flat.anyTrue()) {
      clear(levels, end / LANES, lane, flat);
    }
    return FloatVector.fromArray(F, lowest, lane).compare(GT, -ROUNDABLE).or(flat).not().toLong();
  }
}
