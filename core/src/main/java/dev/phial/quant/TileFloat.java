package dev.phial.quant;

import java.lang.foreign.MemorySegment;
import org.jspecify.annotations.Nullable;

/**
 * Small floating-point numbers that share a scale with their neighbours in a square of the matrix:
 * {@code FP8_BLOCK} of llm-compressor. A block is that of {@link GroupFloat}, a piece of a row of a
 * square; files hold each scale once.
 *
 * @param groups pieces that divide rows and squares evenly
 * @param tiles what is known of the squares
 * @param first row of the matrix that encoded rows are counted from
 */
public record TileFloat(GroupFloat groups, Tiles tiles, long first) implements Format {
  /** Rows and columns of a square; those at the edges have fewer. */
  public static final int SIDE = 128;

  /** The squares of a matrix. */
  public interface Tiles {
    /** The largest magnitude in the square that a number lies in. */
    float magnitude(long row, int column);

    /** How many there are. */
    long count();
  }

  @Override
  public TileFloat from(long row) {
    return new TileFloat(groups, tiles, row);
  }

  @Override
  public String name() {
    return groups.label() + "T" + SIDE;
  }

  @Override
  public int blockSize() {
    return groups.blockSize();
  }

  @Override
  public int blockBytes() {
    return groups.blockBytes();
  }

  @Override
  public long storedBytes(long elements) {
    return elements / blockSize() * groups.codeBytes() + tiles.count() * groups.scaleBytes();
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    int perRow = columns / blockSize();
    groups.encode(
        x,
        rows * columns,
        (rounded, group) -> tiles.magnitude(first + group / perRow, group % perRow * blockSize()),
        to,
        at);
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    groups.decode(from, offset, to, at, count);
  }

  @Override
  public String toString() {
    return name();
  }
}
