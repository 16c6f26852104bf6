package dev.phial.quant;

import dev.phial.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;

/** IEEE single precision. */
final class F32 extends PlainFormat {
  private static final ValueLayout.OfFloat FLOAT =
      ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  F32() {
    super("F32", 0, DType.F32);
  }

  @Override
  void encode(float[] x, int from, int count, byte[] to, int at) {
    MemorySegment.copy(x, from, MemorySegment.ofArray(to), FLOAT, at, count);
  }
}
