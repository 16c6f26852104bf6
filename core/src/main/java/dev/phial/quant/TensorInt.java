package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.quant.activation.ActivationCodes;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import org.jspecify.annotations.Nullable;

/**
 * Unsigned integers of 8 or 16 bits with one scale and zero point for a whole tensor, which lie
 * apart from it: constants of a graph whose activations are integers too.
 */
public record TensorInt(ActivationCodes codes) implements Format {
  @Override
  public String name() {
    return "UINT" + codes.bits();
  }

  @Override
  public int blockSize() {
    return 1;
  }

  @Override
  public int blockBytes() {
    return codes.bits() / Byte.SIZE;
  }

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    encode(x, 0, rows * columns, to, at);
  }

  /** Encodes {@code count} numbers from {@code x[from]}. */
  public void encode(float[] x, int from, int count, byte[] to, int at) {
    int most = (1 << codes.bits()) - 1;
    for (int i = 0; i < count; i++) {
      int code = (int) Math.clamp(Math.rint(x[from + i] / codes.scale()) + codes.zero(), 0, most);
      if (codes.bits() == Byte.SIZE) {
        to[at + i] = (byte) code;
      } else {
        LittleEndian.putShort(to, at + i * Short.BYTES, (short) code);
      }
    }
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    for (int i = 0; i < count; i++) {
      int code =
          codes.bits() == Byte.SIZE
              ? from.get(ValueLayout.JAVA_BYTE, offset + i) & 0xFF
              : from.get(SHORT, offset + (long) i * Short.BYTES) & 0xFFFF;
      to[at + i] = (code - codes.zero()) * codes.scale();
    }
  }

  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(java.nio.ByteOrder.LITTLE_ENDIAN);

  @Override
  public String toString() {
    return name();
  }
}
