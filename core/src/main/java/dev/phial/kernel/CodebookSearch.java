package dev.phial.kernel;

import static dev.phial.kernel.Kernels.LANES;
import static dev.phial.kernel.VectorKernels.F;
import static dev.phial.kernel.VectorKernels.I;
import static dev.phial.kernel.VectorKernels.MAGIC_BITS;
import static dev.phial.kernel.VectorKernels.WIDTH;
import static dev.phial.kernel.VectorKernels.bits;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.GE;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;

import java.util.Arrays;
import java.util.Optional;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;

/** {@link VectorKernels#searchCodebookScale} for one codebook. */
final class CodebookSearch {
  private final float lowest;
  private final float[] midpoints;
  private final float[] steps; // from each value to the next
  private final Optional<Bins> bins;

  CodebookSearch(byte[] codebook) {
    lowest = codebook[0];
    midpoints = VectorKernels.midpoints(codebook);
    steps = new float[midpoints.length];
    for (int k = 0; k < steps.length; k++) {
      steps[k] = codebook[k + 1] - codebook[k];
    }
    bins = Bins.of(codebook, midpoints);
  }

  /**
   * Where the value next to a number can be looked up: the numbers from -132 to 124 in bins of
   * {@value #SIZE}, centred on multiples of it. A bin holds at most one midpoint, which parts those
   * nearer to {@code below} from those nearer to {@code above}. Midpoints are in units of bins.
   */
  private record Bins(int[] midpoint, int[] below, int[] above) {
    static final int SIZE = 8;
    static final int COUNT = 32;

    /** The bins, if registers are wide enough for a table of that size in two of them. */
    static Optional<Bins> of(byte[] codebook, float[] midpoints) {
      int[] midpoint = new int[COUNT];
      int[] below = new int[COUNT];
      int[] above = new int[COUNT];
      Arrays.fill(midpoint, Float.floatToRawIntBits(Float.POSITIVE_INFINITY));
      int k = 0;
      for (int bin = 0; bin < COUNT; bin++) {
        float end = (bin - COUNT / 2 + 0.5f) * SIZE;
        below[bin] = Float.floatToRawIntBits(codebook[k]);
        if (k < midpoints.length && midpoints[k] < end) {
          midpoint[bin] = Float.floatToRawIntBits(midpoints[k++] / SIZE);
        }
        above[bin] = Float.floatToRawIntBits(codebook[k]);
        if (k < midpoints.length && midpoints[k] <= end) {
          return Optional.empty(); // two in a bin, or one that could fall into either
        }
      }
      return 2 * WIDTH == COUNT && k == midpoints.length
          ? Optional.of(new Bins(midpoint, below, above))
          : Optional.empty();
    }
  }

  /** The scales of the lanes from {@code lane}. */
  void scale(float[] x, float[] w, int end, int tries, int lane, float[] scales) {
    FloatVector extreme = VectorKernels.laneExtremes(x, end, lane);
    VectorMask<Float> zero = extreme.lanewise(ABS).compare(LT, ScalarKernels.ALL_ZERO);
    FloatVector one = FloatVector.broadcast(F, 1f);
    float[] sumQX = new float[WIDTH];
    float[] sumQ2 = new float[WIDTH];
    FloatVector scale = FloatVector.zero(F);
    FloatVector best = FloatVector.zero(F);
    for (int attempt = -tries - 1; attempt <= tries; attempt++) {
      boolean start = attempt < -tries;
      FloatVector inverse =
          start
              ? one.div(extreme.neg().div(lowest))
              : FloatVector.broadcast(F, attempt + lowest).div(extreme);
      if (bins.isPresent()) {
        lookUp(bins.get(), x, w, end, lane, inverse, sumQX, sumQ2);
      } else {
        compare(x, w, end, lane, inverse, sumQX, sumQ2);
      }
      FloatVector qx = FloatVector.fromArray(F, sumQX, 0);
      FloatVector q2 = FloatVector.fromArray(F, sumQ2, 0);
      VectorMask<Float> better = q2.compare(GT, 0f);
      if (!start) {
        better = better.and(qx.mul(qx).compare(GT, best.mul(q2)));
      }
      FloatVector newScale = qx.div(q2);
      scale = scale.blend(newScale, better);
      best = best.blend(newScale.mul(qx), better);
    }
    scale.blend(0f, zero).intoArray(scales, lane);
  }

  /** The sums of one inverse scale, every number compared with every midpoint. */
  private void compare(
      float[] x, float[] w, int end, int lane, FloatVector inverse, float[] sumQX, float[] sumQ2) {
    FloatVector qx = FloatVector.zero(F);
    FloatVector q2 = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector scaled = inverse.mul(v);
      FloatVector q = FloatVector.broadcast(F, lowest);
      for (int k = 0; k < midpoints.length; k++) {
        q = q.add(steps[k], scaled.compare(GE, midpoints[k]));
      }
      FloatVector wq = FloatVector.fromArray(F, w, i).mul(q);
      qx = qx.add(wq.mul(v));
      q2 = q2.add(wq.mul(q));
    }
    qx.intoArray(sumQX, 0);
    q2.intoArray(sumQ2, 0);
  }

  /** The same, each number compared with the midpoint of its bin. */
  private static void lookUp(
      Bins bins,
      float[] x,
      float[] w,
      int end,
      int lane,
      FloatVector inverse,
      float[] sumQX,
      float[] sumQ2) {
    IntVector midpointA = IntVector.fromArray(I, bins.midpoint, 0);
    IntVector midpointB = IntVector.fromArray(I, bins.midpoint, WIDTH);
    IntVector belowA = IntVector.fromArray(I, bins.below, 0);
    IntVector belowB = IntVector.fromArray(I, bins.below, WIDTH);
    IntVector aboveA = IntVector.fromArray(I, bins.above, 0);
    IntVector aboveB = IntVector.fromArray(I, bins.above, WIDTH);
    FloatVector toBins = inverse.mul(1f / Bins.SIZE); // exact, as is all that follows from it
    int first = MAGIC_BITS - Bins.COUNT / 2;
    FloatVector qx = FloatVector.zero(F);
    FloatVector q2 = FloatVector.zero(F);
    for (int i = lane; i < end; i += LANES) {
      FloatVector v = FloatVector.fromArray(F, x, i);
      FloatVector scaled = toBins.mul(v);
      IntVector bin = bits(scaled, first, first + Bins.COUNT - 1).sub(first);
      FloatVector below = bin.selectFrom(belowA, belowB).reinterpretAsFloats();
      FloatVector above = bin.selectFrom(aboveA, aboveB).reinterpretAsFloats();
      FloatVector midpoint = bin.selectFrom(midpointA, midpointB).reinterpretAsFloats();
      FloatVector q = below.blend(above, scaled.compare(GE, midpoint));
      FloatVector wq = FloatVector.fromArray(F, w, i).mul(q);
      qx = qx.add(wq.mul(v));
      q2 = q2.add(wq.mul(q));
    }
    qx.intoArray(sumQX, 0);
    q2.intoArray(sumQ2, 0);
  }
}
