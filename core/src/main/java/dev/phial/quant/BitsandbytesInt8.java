package dev.phial.quant;

import dev.phial.kernel.Kernels;
import dev.phial.kernel.Rounding;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Rows of 8 bits as bitsandbytes quantizes them on a CPU ({@code int8_vectorwise_quant}), which
 * rounds numbers to half precision first. A block is a row: its largest magnitude, then the codes.
 *
 * @param columns of a row
 */
public record BitsandbytesInt8(int columns) implements Format {
  /** 1 / 127 as the tool has it. */
  public static final float STEP = 0.007874016f;

  @Override
  public String name() {
    return "INT8G" + columns;
  }

  @Override
  public int blockSize() {
    return columns;
  }

  @Override
  public int blockBytes() {
    return Float.BYTES + columns;
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    float[] halves = FloatType.F16.rounded(x, rows * columns);
    for (int row = 0; row < rows; row++) {
      int start = row * columns;
      int block = at + row * blockBytes();
      float magnitude = Math.abs(Kernels.best().extreme(halves, start, columns));
      FloatType.F32.put(to, block, magnitude);
      float inverse = magnitude == 0 ? 0 : 1 / magnitude * 127;
      for (int i = 0; i < columns; i++) {
        to[block + Float.BYTES + i] = (byte) Rounding.even(halves[start + i] * inverse);
      }
    }
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    byte[] bytes = new byte[Math.toIntExact(bytes(count))];
    MemorySegment.copy(from, ValueLayout.JAVA_BYTE, offset, bytes, 0, bytes.length);
    for (int i = 0; i < count; i++) {
      int block = i / columns * blockBytes();
      float magnitude = FloatType.F32.get(bytes, block);
      to[at + i] = bytes[block + Float.BYTES + i % columns] * magnitude * STEP;
    }
  }

  @Override
  public String toString() {
    return name();
  }
}
