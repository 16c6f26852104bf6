package dev.phial.tensor;

/**
 * Multipliers that belong to a quantized matrix, one per tile of {@code tileRows × tileColumns}
 * elements, as FP8 checkpoints store them beside the weight.
 *
 * @param values {@code [ceil(rows / tileRows)][tilesPerRow]}
 */
public record Scales(float[] values, long tileRows, long tileColumns, int tilesPerRow) {

  /** Multiplies {@code row}, {@code columns} elements from {@code at}, in place. */
  void apply(long row, float[] x, int at, int columns) {
    int first = Math.toIntExact(row / tileRows * tilesPerRow);
    for (int column = 0; column < columns; column++) {
      x[at + column] *= values[first + (int) (column / tileColumns)];
    }
  }
}
