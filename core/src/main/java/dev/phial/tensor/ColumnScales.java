package dev.phial.tensor;

import java.util.Optional;

/**
 * A multiplier for every column, on top of other scales.
 *
 * @param scales of the codes, if there are any
 * @param factors {@code [columns]}, read when they are needed
 */
public record ColumnScales(Optional<Scales> scales, Tensor factors) implements Scales {
  @Override
  public ColumnScales from(long first) {
    return new ColumnScales(scales.map(inner -> inner.from(first)), factors);
  }

  @Override
  public long bytes(long rows, long columns) {
    return scales.map(inner -> inner.bytes(rows, columns)).orElse(0L) + factors.bytes();
  }

  @Override
  public void apply(long row, float[] x, int at, int columns) {
    scales.ifPresent(inner -> inner.apply(row, x, at, columns));
    float[] factor = new float[columns];
    factors.read(0, 1, factor, 0);
    for (int column = 0; column < columns; column++) {
      x[at + column] *= factor[column];
    }
  }
}
