package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.util.concurrent.atomic.LongAdder;
import jdk.incubator.vector.FloatVector;

/** Encodings that hold every number by itself. */
final class PlainBlocks {
  private PlainBlocks() {}

  /** What {@code count} numbers beyond the last full register add. */
  private static float rest(
      BlockKernel kernel, byte[] from, int offset, int count, float[] x, int at) {
    float[] rest = new float[count];
    kernel.decode(from, offset, rest, 0, count);
    float sum = 0;
    for (int i = 0; i < count; i++) {
      sum += rest[i] * x[at + i];
    }
    return sum;
  }

  static final class F32 implements BlockKernel {
    private static final ValueLayout.OfFloat FLOAT =
        ValueLayout.JAVA_FLOAT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    @Override
    public void decode(byte[] from, int offset, float[] to, int at, int count) {
      MemorySegment.copy(MemorySegment.ofArray(from), FLOAT, offset, to, at, count);
    }

    @Override
    public void multiply(
        byte[] matrix,
        int offset,
        int rows,
        int columns,
        float[] x,
        int at,
        float[] sums,
        float[] y,
        int yAt) {
      int full = columns / WIDTH * WIDTH;
      for (int row = 0; row < rows; row++) {
        int start = offset + 4 * columns * row;
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        int k = 0;
        for (; k + 2 * WIDTH <= columns; k += 2 * WIDTH) {
          a = Lanes.f32(matrix, start + 4 * k).fma(Lanes.load(x, at + k), a);
          int next = k + WIDTH;
          b = Lanes.f32(matrix, start + 4 * next).fma(Lanes.load(x, at + next), b);
        }
        if (k < full) {
          a = Lanes.f32(matrix, start + 4 * k).fma(Lanes.load(x, at + k), a);
        }
        y[yAt + row] = Sums.of(a.add(b));
        if (full < columns) {
          y[yAt + row] += rest(this, matrix, start + 4 * full, columns - full, x, at + full);
        }
      }
    }
  }

  static final class BF16 implements BlockKernel {
    /**
     * Numbers that are decoded one by one before vectors are used: until then the compiler would
     * take longer over vectors than they gain. Quantizing a small model ends before.
     */
    private static final long ALONE = 2_000_000_000;

    private final LongAdder decoded = new LongAdder();
    private volatile boolean worthVectors;

    @Override
    public void decode(byte[] from, int offset, float[] to, int at, int count) {
      int i = 0;
      if (worthVectors) {
        for (; i + WIDTH <= count; i += WIDTH) {
          Lanes.bf16(from, offset + 2 * i).intoArray(to, at + i);
        }
      } else {
        decoded.add(count);
        worthVectors = decoded.sum() >= ALONE;
      }
      for (; i < count; i++) {
        to[at + i] = Float.intBitsToFloat(Lanes.bits(from, offset + 2 * i) << 16);
      }
    }

    @Override
    public void multiply(
        byte[] matrix,
        int offset,
        int rows,
        int columns,
        float[] x,
        int at,
        float[] sums,
        float[] y,
        int yAt) {
      int full = columns / WIDTH * WIDTH;
      for (int row = 0; row < rows; row += 2) {
        int start = offset + 2 * columns * row;
        int next = row + 1 < rows ? start + 2 * columns : start; // the last may have none
        FloatVector a = FloatVector.zero(F);
        FloatVector b = FloatVector.zero(F);
        FloatVector c = FloatVector.zero(F);
        FloatVector d = FloatVector.zero(F);
        int k = 0;
        for (; k + 2 * WIDTH <= columns; k += 2 * WIDTH) {
          FloatVector v = Lanes.load(x, at + k);
          FloatVector w = Lanes.load(x, at + k + WIDTH);
          a = Lanes.bf16(matrix, start + 2 * k).fma(v, a);
          b = Lanes.bf16(matrix, start + 2 * (k + WIDTH)).fma(w, b);
          c = Lanes.bf16(matrix, next + 2 * k).fma(v, c);
          d = Lanes.bf16(matrix, next + 2 * (k + WIDTH)).fma(w, d);
        }
        if (k < full) {
          FloatVector v = Lanes.load(x, at + k);
          a = Lanes.bf16(matrix, start + 2 * k).fma(v, a);
          c = Lanes.bf16(matrix, next + 2 * k).fma(v, c);
        }
        y[yAt + row] = Sums.of(a.add(b));
        if (row + 1 < rows) {
          y[yAt + row + 1] = Sums.of(c.add(d));
        }
      }
      if (full < columns) {
        for (int row = 0; row < rows; row++) {
          int end = offset + 2 * columns * row + 2 * full;
          y[yAt + row] += rest(this, matrix, end, columns - full, x, at + full);
        }
      }
    }
  }

  /** Through arrays: the Vector API cannot widen half floats, but C2 makes vectors of the loop. */
  static final class F16 implements BlockKernel {
    private static final ValueLayout.OfShort SHORT =
        ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

    /** Numbers that are widened at once. */
    private static final int PIECE = 1024;

    @Override
    public void decode(byte[] from, int offset, float[] to, int at, int count) {
      short[] halves = new short[Math.min(PIECE, count)];
      for (int i = 0; i < count; i += PIECE) {
        int n = Math.min(PIECE, count - i);
        MemorySegment.copy(MemorySegment.ofArray(from), SHORT, offset + 2 * i, halves, 0, n);
        MatrixKernels.best().widen(halves, 0, to, at + i, n);
      }
    }

    @Override
    public void multiply(
        byte[] matrix,
        int offset,
        int rows,
        int columns,
        float[] x,
        int at,
        float[] sums,
        float[] y,
        int yAt) {
      short[] halves = new short[Math.min(PIECE, columns)];
      float[] piece = new float[halves.length];
      for (int row = 0; row < rows; row++) {
        int start = offset + 2 * columns * row;
        float sum = 0;
        for (int k = 0; k < columns; k += PIECE) {
          int n = Math.min(PIECE, columns - k);
          MemorySegment.copy(MemorySegment.ofArray(matrix), SHORT, start + 2 * k, halves, 0, n);
          MatrixKernels.best().widen(halves, 0, piece, 0, n);
          sum += MatrixKernels.best().dot(piece, 0, x, at + k, n);
        }
        y[yAt + row] = sum;
      }
    }
  }
}
