package dev.phial.tensor;

/**
 * A multiplier for every so many elements of a matrix, row after row, whatever its width, as
 * bitsandbytes counts them: {@code x · value · factor + addend}, each operation rounded.
 *
 * @param values one for each {@code size} elements
 * @param firstRow row of the matrix that is row 0 here, for slices
 */
public record FlatScales(float[] values, long size, float factor, float addend, long firstRow)
    implements Scales {
  @Override
  public FlatScales from(long first) {
    return new FlatScales(values, size, factor, addend, firstRow + first);
  }

  @Override
  public long held() {
    return values.length;
  }

  @Override
  public long bytes(long rows, long columns) {
    return rows * columns / size * Float.BYTES;
  }

  @Override
  public void apply(long row, float[] x, int at, int columns) {
    long start = (firstRow + row) * columns;
    for (int i = 0; i < columns; i++) {
      float scaled = x[at + i] * values[Math.toIntExact((start + i) / size)];
      x[at + i] = scaled * factor + addend;
    }
  }
}
