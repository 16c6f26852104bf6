package dev.phial.model;

/**
 * What the numbers of a parameter are multiplied by when they are read.
 *
 * @param rows a factor for each row of a matrix, or none at all
 * @param columns a factor for each column, or for each element of a vector; or none at all
 */
public record Scaling(float[] rows, float[] columns) {
  /** Factors that change nothing. */
  public static final float[] ONES = {};

  public static final Scaling NONE = new Scaling(ONES, ONES);

  public boolean isNone() {
    return rows.length == 0 && columns.length == 0;
  }

  /**
   * Multiplies rows of the parameter.
   *
   * @param x {@code [count][width]} from 0
   * @param first the first of them
   */
  void apply(float[] x, long first, int count, int width) {
    for (int i = 0; i < count; i++) {
      float factor = rows.length == 0 ? 1 : rows[Math.toIntExact(first + i)];
      int from = i * width;
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
