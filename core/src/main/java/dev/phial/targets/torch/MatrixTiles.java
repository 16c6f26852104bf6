package dev.phial.targets.torch;

import static dev.phial.quant.TileFloat.SIDE;

import dev.phial.quant.TileFloat;
import java.util.Arrays;
import java.util.stream.IntStream;

/** The largest magnitudes of squares, found by reading the matrix once more when asked first. */
final class MatrixTiles implements TileFloat.Tiles {
  private final Linear linear;
  private final int perRow;
  private float[] magnitudes = {}; // [rows of squares][squares of a row], once they are known

  MatrixTiles(Linear linear) {
    this.linear = linear;
    this.perRow = Math.ceilDiv(linear.inputs(), SIDE);
  }

  /** Squares one below the other. */
  int perColumn() {
    return Math.toIntExact(Math.ceilDiv(linear.outputs(), SIDE));
  }

  int perRow() {
    return perRow;
  }

  @Override
  public long count() {
    return (long) perColumn() * perRow;
  }

  @Override
  public float magnitude(long row, int column) {
    long own = row - linear.rows().first();
    return magnitudes()[Math.toIntExact(own / SIDE) * perRow + column / SIDE];
  }

  private synchronized float[] magnitudes() {
    if (magnitudes.length == 0) {
      float[] found = new float[Math.toIntExact(count())];
      IntStream.range(0, perColumn()).parallel().forEach(square -> find(square, found));
      magnitudes = found;
    }
    return magnitudes;
  }

  private void find(int square, float[] found) {
    int columns = linear.inputs();
    long start = (long) square * SIDE;
    float[] row = new float[columns];
    float[] largest = Arrays.copyOfRange(found, square * perRow, (square + 1) * perRow);
    for (long i = start; i < Math.min(start + SIDE, linear.outputs()); i++) {
      linear.weight().read(linear.rows().first() + i, 1, row);
      for (int column = 0; column < columns; column++) {
        int at = column / SIDE;
        largest[at] = Math.max(largest[at], Math.abs(row[column]));
      }
    }
    System.arraycopy(largest, 0, found, square * perRow, perRow);
  }
}
