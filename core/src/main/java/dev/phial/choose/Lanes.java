package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;

import java.util.Arrays;

/** Brings rows side by side, see {@link dev.phial.kernel.GridKernels}. */
final class Lanes {
  private Lanes() {}

  /**
   * Loads rows.
   *
   * @param values {@code [count][columns]} from {@code at}
   * @param to receives {@code [columns][LANES]}, zeros where there are no rows
   */
  static void load(float[] values, int at, int count, int columns, float[] to) {
    if (count < LANES) {
      Arrays.fill(to, 0, columns * LANES, 0);
    }
    for (int lane = 0; lane < count; lane++) {
      int from = at + lane * columns;
      for (int i = 0; i < columns; i++) {
        to[i * LANES + lane] = values[from + i];
      }
    }
  }
}
