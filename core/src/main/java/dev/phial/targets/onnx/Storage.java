package dev.phial.targets.onnx;

import dev.phial.quant.FloatType;
import dev.phial.quant.Recoding;
import dev.phial.quant.method.GroupCodes;
import java.util.List;
import java.util.Optional;

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

  /** Of what type its numbers are, for those that may have to keep every bit of them. */
  FloatType type() {
    throw new AssertionError("only what the model builder writes is carried");
  }

  /** How codes come to it as they are, if they do: then it gets these, and no numbers. */
  Optional<Recoding> recoding() {
    return Optional.empty();
  }

  /**
   * Takes rows of the matrix as codes.
   *
   * @param codes what {@link #recoding} gave
   * @param row the first of them
   */
  void carry(DataFile file, GroupCodes codes, long row, int rows) {
    throw new UnsupportedOperationException("takes numbers");
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
