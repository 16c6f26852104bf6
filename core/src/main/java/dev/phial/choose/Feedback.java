package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import dev.phial.kernel.GridKernels;
import dev.phial.quant.Grid;
import java.util.Arrays;

/**
 * Chooses points for the least error of what a layer computes: column by column, each making up for
 * the errors of those before it (<a href="https://arxiv.org/abs/2210.17323">GPTQ</a>), with scales
 * searched when a block is reached, and then, by {@link Descent}, coordinate by coordinate.
 */
final class Feedback {
  private final GridKernels kernels = GridKernels.best();
  private final Grid grid;
  private final GridKernels.Points points;
  private final ScaleFit fit;
  private final Curvature curvature;
  private final float[] weights; // [columns], their mean 1
  private final float[] current; // [columns][LANES], with what makes up for earlier errors
  private final float[] errors; // [columns][LANES]
  private final float[] moved; // [columns][LANES], by errors of earlier panels
  private final float[] scales = new float[LANES];
  private final float[] offsets = new float[LANES];

  Feedback(Grid grid, Curvature curvature) {
    this.grid = grid;
    this.points = ScaleFit.points(grid.points());
    this.fit = new ScaleFit(grid);
    this.curvature = curvature;
    this.weights = normalized(curvature.weights());
    this.current = new float[curvature.size() * LANES];
    this.errors = new float[curvature.size() * LANES];
    this.moved = new float[curvature.size() * LANES];
  }

  private static float[] normalized(float[] weights) {
    double mean = 0;
    for (float weight : weights) {
      mean += (double) weight / weights.length;
    }
    float[] result = new float[weights.length];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) Math.max(weights[i] / mean, 1e-9);
    }
    return result;
  }

  /**
   * Chooses scales and points.
   *
   * @param target {@code [columns][LANES]}
   */
  void run(float[] target, GridRows rows) {
    Arrays.fill(moved, 0);
    int size = grid.blockSize();
    for (Curvature.Panel panel : curvature.panels()) {
      move(target, panel.first(), panel.end());
      for (int i = 0; i < panel.count(); i++) {
        int column = panel.first() + i;
        if (column % size == 0) {
          if (column + size > panel.end()) {
            move(target, panel.end(), column + size);
          }
          fit.fit(current, column * LANES, weights, column, rows, column / size);
        }
        choose(target, rows, column);
        int rest = panel.count() - i - 1;
        kernels.addOuter(
            current,
            (column + 1) * LANES,
            rest,
            errors,
            column * LANES,
            panel.feedback(),
            i * panel.count() + i + 1);
      }
      curvature.feedAfter(panel, errors, moved);
    }
  }

  private void move(float[] target, int from, int to) {
    for (int i = from * LANES; i < to * LANES; i++) {
      current[i] = target[i] + moved[i];
    }
  }

  /** The nearest points of one column; its errors are negative, so that they can be added. */
  private void choose(float[] target, GridRows rows, int column) {
    int at = column * LANES;
    System.arraycopy(rows.scales, column / grid.groupSize() * LANES, scales, 0, LANES);
    System.arraycopy(rows.offsets, column / grid.groupSize() * LANES, offsets, 0, LANES);
    kernels.nearest(current, at, 1, points, scales, offsets, rows.points, at);
    for (int lane = 0; lane < LANES; lane++) {
      float value = Math.fma(scales[lane], rows.points[at + lane], offsets[lane]);
      errors[at + lane] = target[at + lane] - value;
    }
  }
}
