package dev.phial.quant;

import dev.phial.kernel.BlockKernel;
import dev.phial.tensor.DType;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** A type that holds every number by itself. */
abstract class PlainFormat extends GgmlFormat {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final int CHUNK = 4096;

  private final DType dtype;

  PlainFormat(String name, int id, DType dtype) {
    super(name, id, 1, dtype.blockBytes());
    this.dtype = dtype;
  }

  @Override
  public final void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    dtype.decode(from, offset, to, at, count);
  }

  @Override
  public final Optional<BlockKernel> kernel() {
    return dtype.kernel();
  }

  @Override
  final void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    dtype.decode(MemorySegment.ofArray(from), at, to, toAt, 1);
  }

  @Override
  final void encodeBlock(float[] x, int from, byte[] to, int at) {
    encode(x, from, 1, to, at);
  }

  @Override
  public final void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    encode(x, 0, rows * columns, to, at);
  }

  /** Encodes {@code count} numbers. */
  abstract void encode(float[] x, int from, int count, byte[] to, int at);

  /** Of the types of two bytes: loops from array to array, which the compiler makes vectors of. */
  static void encodeShorts(Narrowing narrowing, float[] x, int from, int count, byte[] to, int at) {
    short[] bits = new short[Math.min(count, CHUNK)];
    for (int done = 0; done < count; done += CHUNK) {
      int n = Math.min(count - done, CHUNK);
      narrowing.narrow(x, from + done, n, bits);
      MemorySegment.copy(bits, 0, MemorySegment.ofArray(to), SHORT, at + 2L * done, n);
    }
  }

  /** Turns {@code n} numbers into the bits of shorter ones. */
  interface Narrowing {
    void narrow(float[] x, int from, int n, short[] bits);
  }
}
