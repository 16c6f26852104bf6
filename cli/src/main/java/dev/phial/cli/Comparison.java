package dev.phial.cli;

import dev.phial.model.Weight;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import java.util.Arrays;
import java.util.Optional;

/**
 * How two versions of a parameter differ.
 *
 * @param relativeError root mean square of the difference over that of the first
 * @param largest difference of two elements
 * @param arePlain whether neither is quantized
 */
record Comparison(
    String name,
    String typeA,
    String typeB,
    Verdict verdict,
    double relativeError,
    double largest,
    boolean arePlain) {
  private static final int PIECE = 64 * 1024;

  enum Verdict {
    SAME_CODES("same codes"),
    SAME_VALUES("same values"),
    DIFFERENT("different"),
    OTHER_SHAPE("other shape"),
    ONLY_IN_A("only in A"),
    ONLY_IN_B("only in B");

    private final String words;

    Verdict(String words) {
      this.words = words;
    }

    String words() {
      return words;
    }
  }

  static Comparison of(String name, Weight a, Weight b) {
    if (!a.shape().equals(b.shape())) {
      return new Comparison(name, type(a), type(b), Verdict.OTHER_SHAPE, 0, 0, false);
    }
    boolean sameBytes = haveSameBytes(a, b);
    if (sameBytes && a.isPlain() && b.isPlain() || haveSameCodes(a, b)) {
      return new Comparison(name, type(a), type(b), Verdict.SAME_CODES, 0, 0, false);
    }
    int step =
        (int) Math.clamp(PIECE / Math.max(1, a.shape().columns()), 1, Math.max(1, a.matrixRows()));
    int length = Math.toIntExact(step * a.shape().columns());
    float[] x = new float[length];
    float[] y = new float[length];
    double squares = 0;
    double errors = 0;
    double largest = 0;
    for (long row = 0; row < a.shape().rows(); row += step) {
      int rows = (int) Math.min(step, a.shape().rows() - row);
      a.read(row, rows, x);
      b.read(row, rows, y);
      for (int i = 0; i < rows * a.shape().columns(); i++) {
        double error = (double) x[i] - y[i];
        squares += (double) x[i] * x[i];
        errors += error * error;
        largest = Math.max(largest, Math.abs(error));
      }
    }
    Verdict verdict =
        errors != 0
            ? Verdict.DIFFERENT
            : sameBytes ? Verdict.SAME_CODES : Verdict.SAME_VALUES; // scales are in the values
    return new Comparison(
        name,
        type(a),
        type(b),
        verdict,
        squares == 0 ? Math.sqrt(errors) : Math.sqrt(errors / squares),
        largest,
        isPlain(a) && isPlain(b));
  }

  private static boolean isPlain(Weight weight) {
    return weight.isPlain() && weight.encoding().blockSize() == 1;
  }

  static Comparison onlyInA(String name, Weight a) {
    return new Comparison(name, type(a), "", Verdict.ONLY_IN_A, 0, 0, false);
  }

  static Comparison onlyInB(String name, Weight b) {
    return new Comparison(name, "", type(b), Verdict.ONLY_IN_B, 0, 0, false);
  }

  private static String type(Weight weight) {
    return weight.encoding().name();
  }

  /**
   * Whether both are the same integers with the same scales and zero points or offsets, wherever
   * their formats put the middle; groups of one may be cut into those of the other.
   */
  private static boolean haveSameCodes(Weight a, Weight b) {
    Optional<Coding> codingA = a.coding();
    Optional<Coding> codingB = b.coding();
    if (codingA.isEmpty() || codingB.isEmpty()) {
      return false;
    }
    int larger = Math.max(codingA.get().groupSize(), codingB.get().groupSize());
    int size = Math.min(codingA.get().groupSize(), codingB.get().groupSize());
    if (larger % size != 0) {
      return false;
    }
    int step = (int) Math.clamp(PIECE / a.shape().columns(), 1, Math.max(1, a.matrixRows()));
    for (long row = 0; row < a.shape().rows(); row += step) {
      int rows = (int) Math.min(step, a.shape().rows() - row);
      CodedRows x = a.readCodes(row, rows, codingA.get()).regrouped(size);
      CodedRows y = b.readCodes(row, rows, codingB.get()).regrouped(size);
      for (int group = 0; group < x.groups(); group++) {
        if (!x.isSame(group, y)) {
          return false;
        }
      }
    }
    return true;
  }

  /** Whether nothing was quantized otherwise: the same codes, or the same numbers unquantized. */
  boolean isExact() {
    return verdict == Verdict.SAME_CODES || verdict == Verdict.SAME_VALUES && arePlain;
  }

  private static boolean haveSameBytes(Weight a, Weight b) {
    if (!type(a).equals(type(b))) {
      return false;
    }
    // MemorySegment.mismatch would be shorter, but a mapped file that shrinks meanwhile kills the
    // JVM in it
    long rowBytes = a.rowBytes();
    if (rowBytes != b.rowBytes()) {
      return false;
    }
    int step = (int) Math.clamp(PIECE / Math.max(1, rowBytes), 1, Math.max(1, a.shape().rows()));
    byte[] x = new byte[Math.toIntExact(step * rowBytes)];
    byte[] y = new byte[x.length];
    for (long row = 0; row < a.shape().rows(); row += step) {
      int rows = (int) Math.min(step, a.shape().rows() - row);
      a.copy(row, rows, x);
      b.copy(row, rows, y);
      int length = Math.toIntExact(rows * rowBytes);
      if (!Arrays.equals(x, 0, length, y, 0, length)) {
        return false;
      }
    }
    return true;
  }
}
