package dev.phial.tensor;

import java.util.Optional;

/** What turns the codes of a tensor into its numbers, where they lie apart from it. */
public sealed interface Scales
    permits TileScales, GroupScales, GroupZeros, ScatteredGroups, FlatScales, ColumnScales {
  /** The scales of the rows from {@code first}. */
  Scales from(long first);

  /** Scales {@code row}, {@code columns} elements from {@code at}, in place. */
  void apply(long row, float[] x, int at, int columns);

  /** Bytes that the scales of a matrix take in its file. */
  long bytes(long rows, long columns);

  /** How many numbers are in memory for good, and not read when they are needed. */
  default long held() {
    return 0;
  }

  /** What codes of a range are with these scales, if that is groups along a row. */
  default Optional<Coding> coding(IntRange codes) {
    return Optional.empty();
  }

  /**
   * Reads scales and offsets of rows that follow each other.
   *
   * @param groups of a row
   * @param at the first of them
   * @throws UnsupportedOperationException unless there is a {@link #coding}
   */
  default void read(long first, int rows, int groups, CodedRows to, int at) {
    throw new UnsupportedOperationException("no groups along a row");
  }
}
