package dev.phial.kernel;

/**
 * The loops of methods that choose points of a grid themselves, over the same columns of {@link
 * #LANES} rows side by side: element {@code i} of row {@code lane} at {@code i * LANES + lane}. No
 * sum runs across lanes, so that {@link VectorGridKernels} gives the very numbers that {@link
 * ScalarGridKernels} defines, however wide registers are.
 *
 * <p>Weights are those of columns, the same for all rows. A number {@code x} comes to lie at {@code
 * scale · p + offset} with the nearest point {@code p} to {@code (x - offset) / scale}; a scale of
 * zero stands for the point nearest to zero.
 */
public sealed interface GridKernels permits ScalarGridKernels, VectorGridKernels {
  /** Rows side by side. */
  int LANES = 32;

  /** Sums that {@link #evaluate} gives for each row. */
  int SUMS = 4;

  /** The fastest kernels this JVM can run. */
  static GridKernels best() {
    return KernelProvider.BEST_FOR_GRIDS;
  }

  /**
   * Points in ascending order.
   *
   * @param values {@code [count]}
   * @param middles between neighbours, {@code [count - 1]}
   * @param areWhole whether they are neighbouring whole numbers
   */
  record Points(float[] values, float[] middles, boolean areWhole) {
    float least() {
      return values[0];
    }

    float most() {
      return values[values.length - 1];
    }
  }

  /**
   * Finds a scale for points around zero: from each of some first scales, two steps of least
   * squares; the one with the smallest weighted squared error wins, the first of several.
   *
   * @param x {@code [n][LANES]} from {@code at}
   * @param w {@code [n]} from {@code wAt}
   * @param factors of the first scales: times the largest magnitude
   * @param bothSigns whether to try negative scales as well
   * @param scales receives {@code [LANES]}; zero for rows of zeros
   */
  void fitScales(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      float[] factors,
      boolean bothSigns,
      float[] scales);

  /**
   * Finds a scale and an offset for whole points from zero: from each pair of some first ends of
   * the range, two steps of least squares.
   *
   * @param shares of the half range, for the first ends
   * @param isMinimum whether the offset may not be positive
   * @param scales receives {@code [LANES]}, positive
   * @param offsets receives {@code [LANES]}
   */
  void fitScalesAndOffsets(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      float[] shares,
      boolean isMinimum,
      float[] scales,
      float[] offsets);

  /**
   * What scales and offsets would cost.
   *
   * @param sums receives {@code [SUMS][LANES]}: the weighted squared error, {@code Σ w p}, {@code Σ
   *     w p²}, {@code Σ w x p}
   */
  void evaluate(
      float[] x,
      int at,
      int n,
      float[] w,
      int wAt,
      Points points,
      float[] scales,
      float[] offsets,
      float[] sums);

  /**
   * The nearest points.
   *
   * @param to receives {@code [n][LANES]} from {@code toAt}
   */
  void nearest(
      float[] x,
      int at,
      int n,
      Points points,
      float[] scales,
      float[] offsets,
      float[] to,
      int toAt);

  /**
   * {@code y[i][lane] += factors[lane] · column[i]}.
   *
   * @param y {@code [n][LANES]} from {@code at}
   * @param column {@code [n]} from {@code columnAt}
   */
  void addOuter(
      float[] y, int at, int n, float[] factors, int factorsAt, float[] column, int columnAt);
}
