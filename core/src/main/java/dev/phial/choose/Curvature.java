package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.PhialException;
import dev.phial.kernel.GridKernels;
import dev.phial.kernel.MatrixKernels;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.IntStream;

/**
 * How errors of a row of weights add up in what its layer computes: the second moments {@code H} of
 * the layer's inputs, and the factors {@code H = (U + I) D (U + I)ᵀ} with a strictly upper {@code
 * U}, by which the error of a column can be made up for in the columns after it (the form of GPTQ
 * that QuIP calls LDLQ). Columns are taken a panel at a time; what crosses panels is laid out for
 * {@link MatrixKernels#multiply}.
 */
final class Curvature {
  /** Products that are added up in single precision before they go to a double. */
  private static final int DEPTH = 256;

  private static final MatrixKernels KERNELS = MatrixKernels.best();

  private final int size;
  private final float[] weights; // [size]: D
  private final List<Panel> panels;

  /**
   * Some columns.
   *
   * @param first of them
   * @param moments {@code [count][count]}
   * @param feedback {@code [count][count]}: rows of U within the panel
   * @param before moments with the columns before, packed vectors {@code [first][count]}
   * @param after moments with the columns after, packed vectors {@code [size - end][count]}
   * @param feedbackAfter columns of U after the panel, packed vectors {@code [size - end][count]}
   * @param feedbackBefore rows of U before the panel, packed vectors {@code [first][count]}; empty
   *     if nothing is solved
   */
  record Panel(
      int first,
      int count,
      float[] moments,
      float[] feedback,
      float[] before,
      float[] after,
      float[] feedbackAfter,
      float[] feedbackBefore) {
    int end() {
      return first + count;
    }
  }

  private Curvature(int size, float[] weights, List<Panel> panels) {
    this.size = size;
    this.weights = weights;
    this.panels = panels;
  }

  int size() {
    return size;
  }

  /** How much errors in a column count once those before it are made up for. */
  float[] weights() {
    return weights;
  }

  List<Panel> panels() {
    return panels;
  }

  /**
   * Factors second moments.
   *
   * @param h {@code [size][size]}, symmetric; the diagonal is changed
   * @param damping share of the mean of the diagonal that is added to it
   * @param width columns of a panel
   * @param solves whether {@link #solve} will be asked for, which takes memory
   * @throws PhialException.BadInput if the moments are no sums of squares
   */
  static Curvature of(float[] h, int size, double damping, int width, boolean solves) {
    damp(h, size, damping);
    float[][] lower = factor(h, size);
    float[] weights = new float[size];
    for (int i = 0; i < size; i++) {
      float pivot = lower[size - 1 - i][size - 1 - i];
      weights[i] = pivot * pivot;
    }
    List<Panel> panels = new ArrayList<>();
    for (int first = 0; first < size; first += width) {
      panels.add(panel(h, lower, size, first, Math.min(width, size - first), solves));
    }
    return new Curvature(size, weights, panels);
  }

  private static void damp(float[] h, int size, double damping) {
    double sum = 0;
    for (int i = 0; i < size; i++) {
      sum += h[i * size + i];
    }
    double mean = sum / size;
    if (!(mean > 0 && mean < Float.MAX_VALUE)) {
      throw unsound("mean square " + mean);
    }
    for (int i = 0; i < size; i++) {
      h[i * size + i] += (float) (damping * mean);
    }
  }

  static PhialException unsound(String found) {
    return new PhialException.BadInput(
        "expected second moments of activations, found %s; calibrate this very model"
            .formatted(found));
  }

  /**
   * The lower triangular factor of {@code h} with rows and columns in reverse order, so that turned
   * back it is an upper one. Sums are taken in double precision, a block of columns at a time.
   *
   * @return rows, each up to the diagonal
   */
  private static float[][] factor(float[] h, int size) {
    int width = MatrixKernels.PANEL;
    float[][] lower = new float[size][];
    for (int i = 0; i < size; i++) {
      lower[i] = new float[i + 1];
    }
    for (int block = 0; block < size; block += width) {
      int start = block;
      int count = Math.min(width, size - block);
      double[][] corner = new double[count][count];
      reduce(h, size, lower, start, count, start, count, corner);
      corner(corner, lower, start);
      int rest = size - start - count;
      IntStream.range(0, (rest + DEPTH - 1) / DEPTH)
          .parallel()
          .forEach(part -> {
            int row = start + count + part * DEPTH;
            int rows = Math.min(DEPTH, size - row);
            double[][] below = new double[rows][count];
            reduce(h, size, lower, start, count, row, rows, below);
            solve(below, lower, start, count, row);
          });
    }
    return lower;
  }

  /** {@code h - Σ lower · lowerᵀ} over the columns before the block. */
  private static void reduce(
      float[] h,
      int size,
      float[][] lower,
      int start,
      int count,
      int row,
      int rows,
      double[][] to) {
    for (int i = 0; i < rows; i++) {
      int from = (size - 1 - row - i) * size;
      for (int j = 0; j < count; j++) {
        to[i][j] = h[from + size - 1 - start - j];
      }
    }
    float[] side = new float[DEPTH * MatrixKernels.PANEL];
    float[] some = new float[Math.max(rows, MatrixKernels.PANEL) * DEPTH];
    float[] packed = new float[rows * DEPTH];
    float[] sums = new float[rows * MatrixKernels.PANEL];
    for (int k = 0; k < start; k += DEPTH) {
      int depth = Math.min(DEPTH, start - k);
      gather(lower, start, count, k, depth, some);
      KERNELS.packRows(some, depth, count, depth, side);
      gather(lower, row, rows, k, depth, some);
      KERNELS.packVectors(some, 0, depth, rows, depth, packed, 0);
      Arrays.fill(sums, 0);
      KERNELS.multiply(
          packed, 0, rows, depth, side, 0, MatrixKernels.PANEL, sums, 0, MatrixKernels.PANEL);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < count; j++) {
          to[i][j] -= sums[i * MatrixKernels.PANEL + j];
        }
      }
    }
  }

  private static void gather(float[][] lower, int row, int rows, int from, int count, float[] to) {
    for (int i = 0; i < rows; i++) {
      System.arraycopy(lower[row + i], from, to, i * count, count);
    }
  }

  private static void corner(double[][] corner, float[][] lower, int start) {
    for (int i = 0; i < corner.length; i++) {
      for (int j = 0; j <= i; j++) {
        double sum = corner[i][j];
        for (int k = 0; k < j; k++) {
          sum -= corner[i][k] * corner[j][k];
        }
        if (i == j && !(sum > 0)) {
          throw unsound("a pivot of " + sum);
        }
        corner[i][j] = i == j ? Math.sqrt(sum) : sum / corner[j][j];
        lower[start + i][start + j] = (float) corner[i][j];
      }
    }
  }

  private static void solve(double[][] below, float[][] lower, int start, int count, int row) {
    for (int i = 0; i < below.length; i++) {
      for (int j = 0; j < count; j++) {
        double sum = below[i][j];
        for (int k = 0; k < j; k++) {
          sum -= below[i][k] * lower[start + j][start + k];
        }
        below[i][j] = sum / lower[start + j][start + j];
        lower[row + i][start + j] = (float) below[i][j];
      }
    }
  }

  private static Panel panel(
      float[] h, float[][] lower, int size, int first, int count, boolean solves) {
    int end = first + count;
    float[] moments = new float[count * count];
    float[] feedback = new float[count * count];
    for (int i = 0; i < count; i++) {
      System.arraycopy(h, (first + i) * size + first, moments, i * count, count);
      for (int k = i + 1; k < count; k++) {
        feedback[i * count + k] = u(lower, size, first + i, first + k);
      }
    }
    float[] across = new float[(size - end) * count]; // [columns after][panel]
    IntStream.range(end, size)
        .parallel()
        .forEach(column -> {
          for (int i = 0; i < count; i++) {
            across[(column - end) * count + i] = u(lower, size, first + i, column);
          }
        });
    float[] feedbackAfter = new float[across.length];
    KERNELS.packVectors(across, 0, count, size - end, count, feedbackAfter, 0);
    float[] before = new float[first * count];
    KERNELS.packVectors(h, first, size, first, count, before, 0);
    float[] after = new float[(size - end) * count];
    KERNELS.packVectors(h, end * size + first, size, size - end, count, after, 0);
    float[] feedbackBefore = solves ? feedbackBefore(lower, size, first, count) : new float[0];
    return new Panel(first, count, moments, feedback, before, after, feedbackAfter, feedbackBefore);
  }

  private static float[] feedbackBefore(float[][] lower, int size, int first, int count) {
    float[] rows = new float[first * count]; // [columns before][panel]
    IntStream.range(0, first)
        .parallel()
        .forEach(row -> {
          for (int i = 0; i < count; i++) {
            rows[row * count + i] = u(lower, size, row, first + i);
          }
        });
    float[] packed = new float[rows.length];
    KERNELS.packVectors(rows, 0, count, first, count, packed, 0);
    return packed;
  }

  /**
   * An element of U: how much of the error of column {@code i} is made up for in column {@code k}.
   */
  private static float u(float[][] lower, int size, int i, int k) {
    float[] row = lower[size - 1 - i];
    return row[size - 1 - k] / lower[size - 1 - k][size - 1 - k];
  }

  /**
   * Adds products with moments: {@code y += H[rows][panel] · d}.
   *
   * @param d {@code [count of the panel][LANES]}
   * @param y {@code [size][LANES]}; the rows of the panel itself are left as they are
   */
  void addAcross(Panel panel, float[] d, float[] y) {
    KERNELS.multiply(panel.before, 0, panel.first, panel.count, d, 0, LANES, y, 0, LANES);
    KERNELS.multiply(
        panel.after,
        0,
        size - panel.end(),
        panel.count,
        d,
        0,
        LANES,
        y,
        panel.end() * LANES,
        LANES);
  }

  /**
   * Adds products with all moments: {@code y += H d}.
   *
   * @param d {@code [size][LANES]}
   * @param y {@code [size][LANES]}
   */
  void addProducts(float[] d, float[] y) {
    GridKernels kernels = GridKernels.best();
    float[] some = new float[panels.getFirst().count() * LANES];
    for (Panel panel : panels) {
      int from = panel.first * LANES;
      System.arraycopy(d, from, some, 0, panel.count * LANES);
      addAcross(panel, some, y);
      for (int i = 0; i < panel.count; i++) {
        kernels.addOuter(y, from, panel.count, some, i * LANES, panel.moments, i * panel.count);
      }
    }
  }

  /**
   * Adds what the errors of a panel do to the columns after it.
   *
   * @param errors {@code [size][LANES]}
   * @param y {@code [size][LANES]}
   */
  void feedAfter(Panel panel, float[] errors, float[] y) {
    KERNELS.multiply(
        panel.feedbackAfter,
        0,
        size - panel.end(),
        panel.count,
        errors,
        panel.first * LANES,
        LANES,
        y,
        panel.end() * LANES,
        LANES);
  }

  /**
   * Products with the inverse of the moments, as they were factored: {@code y = H⁻¹ y}.
   *
   * @param y {@code [size][LANES]}
   */
  void solve(float[] y) {
    float[] some = new float[panels.getFirst().count() * LANES];
    for (Panel panel : panels.reversed()) { // (U + I) y' = y
      for (int i = panel.count - 1; i > 0; i--) {
        for (int k = 0; k < i; k++) {
          addScaled(y, panel.first + i, -panel.feedback[k * panel.count + i], y, panel.first + k);
        }
      }
      negate(y, panel, some);
      KERNELS.multiply(
          panel.feedbackBefore, 0, panel.first, panel.count, some, 0, LANES, y, 0, LANES);
    }
    for (int i = 0; i < size; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        y[i * LANES + lane] /= weights[i];
      }
    }
    for (Panel panel : panels) { // (U + I)ᵀ y = y'
      for (int i = 0; i < panel.count; i++) {
        for (int k = i + 1; k < panel.count; k++) {
          addScaled(y, panel.first + i, -panel.feedback[i * panel.count + k], y, panel.first + k);
        }
      }
      negate(y, panel, some);
      KERNELS.multiply(
          panel.feedbackAfter,
          0,
          size - panel.end(),
          panel.count,
          some,
          0,
          LANES,
          y,
          panel.end() * LANES,
          LANES);
    }
  }

  private static void addScaled(float[] x, int from, float factor, float[] y, int to) {
    for (int lane = 0; lane < LANES; lane++) {
      y[to * LANES + lane] = Math.fma(factor, x[from * LANES + lane], y[to * LANES + lane]);
    }
  }

  private static void negate(float[] y, Panel panel, float[] to) {
    for (int i = 0; i < panel.count * LANES; i++) {
      to[i] = -y[panel.first * LANES + i];
    }
  }

  /**
   * What errors of rows add up to in the output of the layer: {@code d H dᵀ} of each.
   *
   * @param d {@code [size][LANES]}
   * @return {@code [LANES]}
   */
  double[] errors(float[] d) {
    float[] y = new float[size * LANES];
    addProducts(d, y);
    double[] sums = new double[LANES];
    for (int i = 0; i < size; i++) {
      for (int lane = 0; lane < LANES; lane++) {
        sums[lane] += (double) d[i * LANES + lane] * y[i * LANES + lane];
      }
    }
    return sums;
  }
}
