package dev.phial.kernel;

import static dev.phial.kernel.VectorConstants.FLOAT;
import static jdk.incubator.vector.VectorOperators.ABS;
import static jdk.incubator.vector.VectorOperators.EQ;
import static jdk.incubator.vector.VectorOperators.GT;
import static jdk.incubator.vector.VectorOperators.LT;
import static jdk.incubator.vector.VectorOperators.NE;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;

/** {@link GridKernels} with the Vector API: a lane of a register is a row. */
final class VectorGridKernels implements GridKernels {
  private static final int WIDTH = FLOAT.length();

  /** Added and taken away again, it leaves a whole number; for magnitudes below 2²². */
  private static final float MAGIC = 0x1.8p23f;

  @Override
  public void fitScales(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      float[] factors,
      boolean bothSigns,
      float[] scales) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector extreme = FloatVector.zero(FLOAT);
      for (int i = 0; i < n; i++) {
        FloatVector value = FloatVector.fromArray(FLOAT, x, at + i * LANES + lane);
        extreme = extreme.blend(value, value.lanewise(ABS).compare(GT, extreme.lanewise(ABS)));
      }
      FloatVector best = FloatVector.zero(FLOAT);
      FloatVector least = FloatVector.broadcast(FLOAT, Float.POSITIVE_INFINITY);
      for (float factor : factors) {
        for (int sign = 0; sign < (bothSigns ? 2 : 1); sign++) {
          FloatVector scale = (sign == 0 ? extreme : extreme.neg()).mul(factor);
          for (int step = 0; step < 2; step++) {
            scale = refit(x, at + lane, n, w, wAt, points, scale);
          }
          FloatVector error =
              error(x, at + lane, n, w, wAt, points, scale, FloatVector.zero(FLOAT));
          VectorMask<Float> better = error.compare(LT, least);
          least = least.blend(error, better);
          best = best.blend(scale, better);
        }
      }
      best.intoArray(scales, lane);
    }
  }

  private static FloatVector refit(
      float[] x, int at, int n, float[] w, int wAt, Points points, FloatVector scale) {
    FloatVector inverse = inverse(scale);
    FloatVector sumXP = FloatVector.zero(FLOAT);
    FloatVector sumP2 = FloatVector.zero(FLOAT);
    for (int i = 0; i < n; i++) {
      FloatVector value = FloatVector.fromArray(FLOAT, x, at + i * LANES);
      FloatVector point = nearest(value.mul(inverse), points);
      FloatVector weighted = point.mul(w[wAt + i]);
      sumXP = weighted.fma(value, sumXP);
      sumP2 = weighted.fma(point, sumP2);
    }
    FloatVector refit = sumXP.div(sumP2);
    return scale.blend(refit, sumP2.compare(GT, 0).and(refit.compare(NE, 0)));
  }

  @Override
  public void fitScalesAndOffsets(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      float[] shares,
      boolean isMinimum,
      float[] scales,
      float[] offsets) {
    float sumW = 0;
    for (int i = 0; i < n; i++) {
      sumW += w[wAt + i];
    }
    FloatVector zero = FloatVector.zero(FLOAT);
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector low = FloatVector.fromArray(FLOAT, x, at + lane);
      FloatVector high = low;
      FloatVector sumX = zero;
      for (int i = 0; i < n; i++) {
        FloatVector value = FloatVector.fromArray(FLOAT, x, at + i * LANES + lane);
        low = low.min(value);
        high = high.max(value);
        sumX = value.fma(FloatVector.broadcast(FLOAT, w[wAt + i]), sumX);
      }
      if (isMinimum) {
        low = low.min(0);
      }
      FloatVector center = low.add(high).mul(0.5f);
      FloatVector bestScale = FloatVector.broadcast(FLOAT, ScalarGridKernels.SMALLEST);
      FloatVector bestOffset = low;
      FloatVector least = FloatVector.broadcast(FLOAT, Float.POSITIVE_INFINITY);
      for (float left : shares) {
        for (float right : shares) {
          FloatVector offset = low.sub(center).mul(left).add(center);
          FloatVector scale =
              high.sub(center).mul(right).add(center).sub(offset).div(points.most());
          if (isMinimum) {
            offset = offset.min(0);
          }
          for (int step = 0; step < 2; step++) {
            FloatVector inverse = inverse(scale);
            FloatVector sumP = zero;
            FloatVector sumP2 = zero;
            FloatVector sumXP = zero;
            for (int i = 0; i < n; i++) {
              FloatVector value = FloatVector.fromArray(FLOAT, x, at + i * LANES + lane);
              FloatVector point = nearest(value.sub(offset).mul(inverse), points);
              FloatVector weighted = point.mul(w[wAt + i]);
              sumP = sumP.add(weighted);
              sumP2 = weighted.fma(point, sumP2);
              sumXP = weighted.fma(value, sumXP);
            }
            FloatVector determinant = sumP2.mul(sumW).sub(sumP.mul(sumP));
            FloatVector newScale = sumXP.mul(sumW).sub(sumX.mul(sumP)).div(determinant);
            FloatVector newOffset = sumX.sub(newScale.mul(sumP)).div(sumW);
            if (isMinimum) {
              VectorMask<Float> isBound = newOffset.compare(GT, 0);
              newScale = newScale.blend(sumXP.div(sumP2), isBound);
              newOffset = newOffset.blend(zero, isBound);
            }
            VectorMask<Float> isSound =
                determinant
                    .compare(GT, sumP2.mul(sumW).mul(ScalarGridKernels.SINGULAR))
                    .and(newScale.compare(GT, 0));
            scale = scale.blend(newScale, isSound);
            offset = offset.blend(newOffset, isSound);
          }
          FloatVector error = error(x, at + lane, n, w, wAt, points, scale, offset);
          VectorMask<Float> better = error.compare(LT, least).and(scale.compare(GT, 0));
          least = least.blend(error, better);
          bestScale = bestScale.blend(scale, better);
          bestOffset = bestOffset.blend(offset, better);
        }
      }
      bestScale.intoArray(scales, lane);
      bestOffset.intoArray(offsets, lane);
    }
  }

  @Override
  public void evaluate(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      float[] scales,
      float[] offsets,
      float[] sums) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector scale = FloatVector.fromArray(FLOAT, scales, lane);
      FloatVector offset = FloatVector.fromArray(FLOAT, offsets, lane);
      FloatVector inverse = inverse(scale);
      FloatVector error = FloatVector.zero(FLOAT);
      FloatVector sumP = error;
      FloatVector sumP2 = error;
      FloatVector sumXP = error;
      for (int i = 0; i < n; i++) {
        FloatVector value = FloatVector.fromArray(FLOAT, x, at + i * LANES + lane);
        FloatVector point = nearest(value.sub(offset).mul(inverse), points);
        FloatVector difference = value.sub(scale.fma(point, offset));
        FloatVector weighted = point.mul(w[wAt + i]);
        error = difference.mul(w[wAt + i]).fma(difference, error);
        sumP = sumP.add(weighted);
        sumP2 = weighted.fma(point, sumP2);
        sumXP = weighted.fma(value, sumXP);
      }
      error.intoArray(sums, lane);
      sumP.intoArray(sums, LANES + lane);
      sumP2.intoArray(sums, 2 * LANES + lane);
      sumXP.intoArray(sums, 3 * LANES + lane);
    }
  }

  private static FloatVector error(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      FloatVector scale,
      FloatVector offset) {
    FloatVector inverse = inverse(scale);
    FloatVector error = FloatVector.zero(FLOAT);
    for (int i = 0; i < n; i++) {
      FloatVector value = FloatVector.fromArray(FLOAT, x, at + i * LANES);
      FloatVector point = nearest(value.sub(offset).mul(inverse), points);
      FloatVector difference = value.sub(scale.fma(point, offset));
      error = difference.mul(w[wAt + i]).fma(difference, error);
    }
    return error;
  }

  @Override
  public void nearest(
      float[] x,
      int at,
      int n,
      Points points,
      float[] scales,
      float[] offsets,
      float[] to,
      int toAt) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector offset = FloatVector.fromArray(FLOAT, offsets, lane);
      FloatVector inverse = inverse(FloatVector.fromArray(FLOAT, scales, lane));
      for (int i = 0; i < n; i++) {
        int place = i * LANES + lane;
        FloatVector value = FloatVector.fromArray(FLOAT, x, at + place);
        nearest(value.sub(offset).mul(inverse), points).intoArray(to, toAt + place);
      }
    }
  }

  private static FloatVector inverse(FloatVector scale) {
    FloatVector one = FloatVector.broadcast(FLOAT, 1);
    return one.div(scale).blend(FloatVector.zero(FLOAT), scale.compare(EQ, 0));
  }

  private static FloatVector nearest(FloatVector x, Points points) {
    if (points.areWhole()) {
      return x.min(points.most()).max(points.least()).add(MAGIC).sub(MAGIC);
    }
    float[] values = points.values();
    float[] middles = points.middles();
    FloatVector point = FloatVector.broadcast(FLOAT, values[0]);
    for (int i = 0; i < middles.length; i++) {
      FloatVector above = FloatVector.broadcast(FLOAT, values[i + 1]);
      point = point.blend(above, x.compare(GT, middles[i]));
    }
    return point;
  }

  @Override
  public void addOuter(
      float[] y, int at, int n, float[] factors, int factorsAt, float[] column, int columnAt) {
    for (int lane = 0; lane < LANES; lane += WIDTH) {
      FloatVector factor = FloatVector.fromArray(FLOAT, factors, factorsAt + lane);
      for (int i = 0; i < n; i++) {
        int place = at + i * LANES + lane;
        FloatVector sum = FloatVector.fromArray(FLOAT, y, place);
        factor.fma(FloatVector.broadcast(FLOAT, column[columnAt + i]), sum).intoArray(y, place);
      }
    }
  }
}
