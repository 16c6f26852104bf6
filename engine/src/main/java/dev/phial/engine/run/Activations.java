package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;

/** What layers hand to each other: one row of numbers per token, {@code [count][stride]}. */
public final class Activations {
  private final int columns;
  private final int stride;
  private int count;
  private float[] values = new float[0];

  /**
   * @param columns numbers of a row that mean something
   */
  Activations(int columns) {
    this.columns = columns;
    // off the powers of two, which would put the same column of all rows into one set of the cache
    this.stride =
        (columns + MatrixKernels.PANEL - 1) / MatrixKernels.PANEL * MatrixKernels.PANEL + 16;
  }

  /** Makes room for {@code newCount} rows of unknown content. */
  void resize(int newCount) {
    int size = Math.multiplyExact(newCount, stride);
    if (values.length < size) {
      values = new float[size];
    }
    count = newCount;
  }

  public int columns() {
    return columns;
  }

  /** Distance from row to row. */
  public int stride() {
    return stride;
  }

  /** Rows. */
  public int count() {
    return count;
  }

  /** The numbers; row {@code i} starts at {@link #row}. */
  public float[] values() {
    return values;
  }

  public int row(int i) {
    return i * stride;
  }

  /** Copies a row of another that is at least as wide. */
  void copy(int to, Activations from, int row) {
    System.arraycopy(from.values, from.row(row), values, row(to), columns);
  }

  /** The first columns of another, in memory of its own. */
  static Activations copyOf(Activations from, int columns) {
    Activations copy = new Activations(columns);
    copy.set(from);
    return copy;
  }

  /** Takes over all rows of another that is at least as wide. */
  void set(Activations from) {
    resize(from.count);
    for (int i = 0; i < count; i++) {
      copy(i, from, i);
    }
  }
}
