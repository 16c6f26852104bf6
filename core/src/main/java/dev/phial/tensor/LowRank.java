package dev.phial.tensor;

import java.util.Optional;

/**
 * A change to some rows of a matrix, {@code W += factor · up · down}: a low-rank adapter (LoRA).
 *
 * @param first row of the matrix that row 0 of {@code up} changes; negative in a slice of it
 * @param up {@code [rows, rank]}
 * @param down {@code [rank, columns]}
 * @param magnitudes length of each changed row, {@code [rows]}, if the change is one of direction
 *     alone (DoRA): the row is divided by its length, and multiplied by this
 */
public record LowRank(
    long first, Tensor up, Tensor down, float factor, Optional<Tensor> magnitudes) {
  /** Rows of {@code down} that are added at a time, to go through the matrix less often. */
  private static final int TOGETHER = 4;

  /** The same change to what is left of the matrix from a row on. */
  LowRank from(long row) {
    return new LowRank(first - row, up, down, factor, magnitudes);
  }

  /** How many numbers of a vector it is enough to know for its product. */
  int rank() {
    return Math.toIntExact(down.shape().rows());
  }

  /**
   * Changes rows in place.
   *
   * @param row of the matrix, the first of {@code count}
   * @param x {@code count × columns} from {@code at}
   */
  void apply(long row, int count, float[] x, int at) {
    long from = Math.max(row, first);
    int rows = (int) (Math.min(row + count, first + up.shape().rows()) - from);
    if (rows > 0) {
      int start = at + (int) (from - row) * columns();
      add(from - first, rows, x, start);
      magnitudes.ifPresent(lengths -> resize(lengths, from - first, rows, x, start));
    }
  }

  /**
   * Adds what the change adds to the product of rows and a vector.
   *
   * @param x {@code [columns]} from {@code at}
   * @param y {@code count} sums from {@code yAt}
   * @param buffer as {@link Tensor#multiply} wants it for {@code down}
   */
  void multiply(long row, int count, float[] x, int at, float[] y, int yAt, byte[] buffer) {
    long from = Math.max(row, first);
    int rows = (int) (Math.min(row + count, first + up.shape().rows()) - from);
    if (rows <= 0) {
      return;
    }
    int rank = rank();
    float[] inner = inner(x, at, buffer);
    float[] factors = new float[rows * rank];
    up.read(from - first, rows, factors, 0);
    for (int i = 0; i < rows; i++) {
      float sum = 0;
      for (int k = 0; k < rank; k++) {
        sum += factors[i * rank + k] * inner[k];
      }
      y[yAt + (int) (from - row) + i] += factor * sum;
    }
  }

  private float[] inner(float[] x, int at, byte[] buffer) {
    int rank = rank();
    float[] inner = new float[rank];
    if (!down.multiply(0, rank, x, at, inner, 0, buffer)) {
      float[] line = new float[columns()];
      for (int k = 0; k < rank; k++) {
        down.read(k, 1, line, 0);
        for (int i = 0; i < line.length; i++) {
          inner[k] += line[i] * x[at + i];
        }
      }
    }
    return inner;
  }

  private int columns() {
    return Math.toIntExact(down.shape().columns());
  }

  /** In the order of the rank whatever is read at a time, so that each sum is always the same. */
  private void add(long row, int rows, float[] x, int at) {
    int rank = rank();
    int columns = columns();
    float[] factors = new float[rows * rank];
    up.read(row, rows, factors, 0);
    for (int i = 0; i < factors.length; i++) {
      factors[i] *= factor;
    }
    float[] lines = new float[TOGETHER * columns]; // those beyond the rank add nothing
    float[] weights = new float[TOGETHER];
    for (int k = 0; k < rank; k += TOGETHER) {
      int some = Math.min(TOGETHER, rank - k);
      down.read(k, some, lines, 0);
      for (int i = 0; i < rows; i++) {
        for (int j = 0; j < TOGETHER; j++) {
          weights[j] = j < some ? factors[i * rank + k + j] : 0;
        }
        addLines(weights, lines, columns, x, at + i * columns);
      }
    }
  }

  private static void addLines(float[] weights, float[] lines, int columns, float[] x, int at) {
    float a = weights[0];
    float b = weights[1];
    float c = weights[2];
    float d = weights[3];
    for (int i = 0; i < columns; i++) {
      x[at + i] =
          x[at + i]
              + a * lines[i]
              + b * lines[columns + i]
              + c * lines[2 * columns + i]
              + d * lines[3 * columns + i];
    }
  }

  private void resize(Tensor lengths, long row, int rows, float[] x, int at) {
    int columns = columns();
    float[] wanted = new float[rows];
    lengths.rows(lengths.name(), row, rows).read(0, 1, wanted, 0);
    for (int i = 0; i < rows; i++) {
      double squares = 0;
      for (int j = at + i * columns; j < at + (i + 1) * columns; j++) {
        squares += (double) x[j] * x[j];
      }
      float scale = (float) (wanted[i] / Math.sqrt(squares));
      for (int j = at + i * columns; j < at + (i + 1) * columns; j++) {
        x[j] *= scale;
      }
    }
  }
}
