package dev.phial.tensor;

/**
 * Multipliers that belong to a weight, one per tile of {@code tileRows × tileColumns} elements, as
 * 8-bit checkpoints store them beside it. A stack of matrices begins a new tile with each matrix.
 *
 * @param values {@code [matrices][ceil(matrixRows / tileRows)][tilesPerRow]}, row-major
 * @param tilesPerMatrix 0 if all matrices share their scales
 * @param firstRow row of the weight that is row 0 here, for slices
 */
public record TileScales(
    float[] values,
    long matrixRows,
    long tileRows,
    long tileColumns,
    int tilesPerMatrix,
    int tilesPerRow,
    long firstRow)
    implements Scales {

  @Override
  public TileScales from(long first) {
    return new TileScales(
        values, matrixRows, tileRows, tileColumns, tilesPerMatrix, tilesPerRow, firstRow + first);
  }

  @Override
  public long bytes(long rows, long columns) {
    return (rows + tileRows - 1) / tileRows * tilesPerRow * Float.BYTES;
  }

  @Override
  public void apply(long row, float[] x, int at, int columns) {
    long matrix = (firstRow + row) / matrixRows;
    long tileRow = (firstRow + row) % matrixRows / tileRows;
    int tile = Math.toIntExact(matrix * tilesPerMatrix + tileRow * tilesPerRow);
    for (int column = 0; column < columns; tile++) {
      int end = (int) Math.min(columns, column + tileColumns);
      for (float scale = values[tile]; column < end; column++) {
        x[at + column] *= scale;
      }
    }
  }
}
