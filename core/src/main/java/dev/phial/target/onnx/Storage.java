package dev.phial.target.onnx;

import java.util.List;

/**
 * How a matrix lies in the data file. Rows come in stretches, in any order, from several threads.
 */
abstract class Storage {
  private final List<Initializer> initializers;

  Storage(List<Initializer> initializers) {
    this.initializers = List.copyOf(initializers);
  }

  /** What it consists of, in the order of the file. */
  final List<Initializer> initializers() {
    return initializers;
  }

  /** Writes what follows from no parameter. */
  void begin(DataFile file) {}

  /**
   * Takes rows of the matrix.
   *
   * @param x holds them from {@code from}
   * @param row the first of them
   */
  abstract void write(DataFile file, float[] x, int from, long row, int rows);
}
