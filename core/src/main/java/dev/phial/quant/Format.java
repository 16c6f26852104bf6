package dev.phial.quant;

import dev.phial.tensor.Encoding;
import org.jspecify.annotations.Nullable;

/** A quant type: an {@link Encoding} that Phial can also write. */
public interface Format extends Encoding {
  /**
   * Encodes whole rows; every row stands alone, so rows may be split among threads in any way.
   *
   * @param x {@code [rows][columns]}, finite; columns is a multiple of {@link #blockSize}
   * @param importance {@code [columns]}: how much an error in each column matters, from an
   *     importance matrix, or null
   * @param to receives {@code bytes(rows * columns)} bytes from {@code at}
   */
  void encode(float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at);

  /**
   * The format for rows that begin with some row of their parameter, where that makes a difference.
   */
  default Format from(long row) {
    return this;
  }

  /** Bytes that whole blocks take in a file, which may pack what blocks in memory do not. */
  default long storedBytes(long elements) {
    return bytes(elements);
  }
}
