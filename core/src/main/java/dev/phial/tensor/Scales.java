package dev.phial.tensor;

/** What turns the codes of a tensor into its numbers, where they lie apart from it. */
public sealed interface Scales permits TileScales, GroupScales, GroupZeros, ColumnScales {
  /** The scales of the rows from {@code first}. */
  Scales from(long first);

  /** Scales {@code row}, {@code columns} elements from {@code at}, in place. */
  void apply(long row, float[] x, int at, int columns);
}
