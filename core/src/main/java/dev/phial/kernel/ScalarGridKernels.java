package dev.phial.kernel;

/** The definition of {@link GridKernels}, one row after the other. */
final class ScalarGridKernels implements GridKernels {
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
    for (int lane = 0; lane < LANES; lane++) {
      float extreme = 0;
      for (int i = 0; i < n; i++) {
        float value = x[at + i * LANES + lane];
        if (Math.abs(value) > Math.abs(extreme)) {
          extreme = value;
        }
      }
      float best = 0;
      float least = Float.POSITIVE_INFINITY;
      for (float factor : factors) {
        for (int sign = 0; sign < (bothSigns ? 2 : 1); sign++) {
          float scale = (sign == 0 ? extreme : -extreme) * factor;
          for (int step = 0; step < 2; step++) {
            scale = refit(x, at + lane, n, w, wAt, points, scale);
          }
          float error = error(x, at + lane, n, w, wAt, points, scale, 0);
          if (error < least) {
            least = error;
            best = scale;
          }
        }
      }
      scales[lane] = best;
    }
  }

  /** The scale that suits the nearest points best; itself where there is none. */
  private static float refit(
      float[] x, int at, int n, float[] w, int wAt, Points points, float scale) {
    float inverse = inverse(scale);
    float sumXP = 0;
    float sumP2 = 0;
    for (int i = 0; i < n; i++) {
      float value = x[at + i * LANES];
      float point = nearest(value * inverse, points);
      float weighted = w[wAt + i] * point;
      sumXP = Math.fma(weighted, value, sumXP);
      sumP2 = Math.fma(weighted, point, sumP2);
    }
    float refit = sumXP / sumP2;
    return sumP2 > 0 && refit != 0 ? refit : scale;
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
    for (int lane = 0; lane < LANES; lane++) {
      float low = x[at + lane];
      float high = low;
      float sumX = 0;
      for (int i = 0; i < n; i++) {
        float value = x[at + i * LANES + lane];
        low = Math.min(low, value);
        high = Math.max(high, value);
        sumX = Math.fma(w[wAt + i], value, sumX);
      }
      if (isMinimum) {
        low = Math.min(low, 0);
      }
      float center = (low + high) * 0.5f;
      float bestScale = SMALLEST;
      float bestOffset = low;
      float least = Float.POSITIVE_INFINITY;
      for (float left : shares) {
        for (float right : shares) {
          float offset = (low - center) * left + center;
          float scale = ((high - center) * right + center - offset) / points.most();
          if (isMinimum) {
            offset = Math.min(offset, 0);
          }
          for (int step = 0; step < 2; step++) {
            float inverse = inverse(scale);
            float sumP = 0;
            float sumP2 = 0;
            float sumXP = 0;
            for (int i = 0; i < n; i++) {
              float value = x[at + i * LANES + lane];
              float point = nearest((value - offset) * inverse, points);
              float weighted = w[wAt + i] * point;
              sumP += weighted;
              sumP2 = Math.fma(weighted, point, sumP2);
              sumXP = Math.fma(weighted, value, sumXP);
            }
            float determinant = sumW * sumP2 - sumP * sumP;
            float newScale = (sumW * sumXP - sumX * sumP) / determinant;
            float newOffset = (sumX - newScale * sumP) / sumW;
            boolean isBound = isMinimum && newOffset > 0;
            newScale = isBound ? sumXP / sumP2 : newScale;
            newOffset = isBound ? 0 : newOffset;
            boolean isSound = determinant > SINGULAR * (sumW * sumP2) && newScale > 0;
            scale = isSound ? newScale : scale;
            offset = isSound ? newOffset : offset;
          }
          float error = error(x, at + lane, n, w, wAt, points, scale, offset);
          if (error < least && scale > 0) {
            least = error;
            bestScale = scale;
            bestOffset = offset;
          }
        }
      }
      scales[lane] = bestScale;
      offsets[lane] = bestOffset;
    }
  }

  /** What a scale is where numbers do not differ. */
  static final float SMALLEST = 1e-8f;

  /** Below this share, a determinant is nothing but rounding. */
  static final float SINGULAR = 1e-6f;

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
    for (int lane = 0; lane < LANES; lane++) {
      float inverse = inverse(scales[lane]);
      float error = 0;
      float sumP = 0;
      float sumP2 = 0;
      float sumXP = 0;
      for (int i = 0; i < n; i++) {
        float value = x[at + i * LANES + lane];
        float point = nearest((value - offsets[lane]) * inverse, points);
        float difference = value - Math.fma(scales[lane], point, offsets[lane]);
        float weight = w[wAt + i];
        float weighted = weight * point;
        error = Math.fma(weight * difference, difference, error);
        sumP += weighted;
        sumP2 = Math.fma(weighted, point, sumP2);
        sumXP = Math.fma(weighted, value, sumXP);
      }
      sums[lane] = error;
      sums[LANES + lane] = sumP;
      sums[2 * LANES + lane] = sumP2;
      sums[3 * LANES + lane] = sumXP;
    }
  }

  private static float error(
      float[] x, int at, int n, float[] w, int wAt, Points points, float scale, float offset) {
    float inverse = inverse(scale);
    float error = 0;
    for (int i = 0; i < n; i++) {
      float value = x[at + i * LANES];
      float point = nearest((value - offset) * inverse, points);
      float difference = value - Math.fma(scale, point, offset);
      error = Math.fma(w[wAt + i] * difference, difference, error);
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
    for (int lane = 0; lane < LANES; lane++) {
      float inverse = inverse(scales[lane]);
      for (int i = 0; i < n; i++) {
        int place = i * LANES + lane;
        to[toAt + place] = nearest((x[at + place] - offsets[lane]) * inverse, points);
      }
    }
  }

  private static float inverse(float scale) {
    return scale == 0 ? 0 : 1 / scale;
  }

  /** The nearest point, the even one of two whole numbers, else the lower one. */
  private static float nearest(float x, Points points) {
    if (points.areWhole()) {
      return Rounding.even(Math.max(points.least(), Math.min(points.most(), x)));
    }
    float point = points.least();
    for (int i = 0; i < points.middles().length; i++) {
      point = x > points.middles()[i] ? points.values()[i + 1] : point;
    }
    return point;
  }

  @Override
  public void addOuter(
      float[] y, int at, int n, float[] factors, int factorsAt, float[] column, int columnAt) {
    for (int i = 0; i < n; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        int place = at + i * LANES + lane;
        y[place] = Math.fma(factors[factorsAt + lane], column[columnAt + i], y[place]);
      }
    }
  }
}
