package dev.phial.graph;

import java.util.Arrays;

/**
 * What the numbers of a matrix are multiplied by when they are read.
 *
 * @param rows a factor for each row, or none at all
 * @param columns a factor for each column, or none at all
 */
public record Scaling(float[] rows, float[] columns) {
  static final float[] ONES = {};
  public static final Scaling NONE = new Scaling(ONES, ONES);

  public boolean isNone() {
    return rows.length == 0 && columns.length == 0;
  }

  /** For {@code count} rows from {@code first} on. */
  Scaling slice(int first, int count) {
    return rows.length == 0
        ? this
        : new Scaling(Arrays.copyOfRange(rows, first, first + count), columns);
  }

  /**
   * Multiplies.
   *
   * @param x {@code [count][width]} from {@code at}
   * @param row the first of them
   */
  public void apply(float[] x, int at, int row, int count, int width) {
    for (int i = 0; i < count; i++) {
      float factor = rows.length == 0 ? 1 : rows[row + i];
      int from = at + i * width;
      if (columns.length == 0) {
        for (int j = 0; j < width; j++) {
          x[from + j] *= factor;
        }
      } else {
        for (int j = 0; j < width; j++) {
          x[from + j] *= factor * columns[j];
        }
      }
    }
  }
}
