package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** Encodings of 32 elements under one scale. */
final class Blocks32 {
  private Blocks32() {}

  /** {@code block_q8_0}: half scale, int8 levels. */
  static final class Q8_0 implements BlockKernel {
    private static final int BYTES = 34;
    private static final int LEVELS = 2;

    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 32; block++) {
        long start = offset + (long) BYTES * block;
        float scale = Lanes.half(from, start);
        for (int i = 0; i < 32; i += WIDTH) {
          Lanes.int8(from, start + LEVELS + i).mul(scale).intoArray(to, at + block * 32 + i);
        }
      }
    }

    @Override
    public void multiply(
        MemorySegment matrix,
        long offset,
        int rows,
        int columns,
        float[] x,
        int at,
        float[] y,
        int yAt) {
      int blocks = columns / 32;
      for (int row = 0; row < rows; row++) {
        long rowStart = offset + (long) row * blocks * BYTES;
        FloatVector sum = FloatVector.zero(F);
        for (int block = 0; block < blocks; block++) {
          long start = rowStart + (long) BYTES * block;
          FloatVector part = FloatVector.zero(F);
          for (int i = 0; i < 32; i += WIDTH) {
            FloatVector v = Lanes.load(x, at + block * 32 + i);
            part = Lanes.int8(matrix, start + LEVELS + i).fma(v, part);
          }
          sum = part.fma(Lanes.all(Lanes.half(matrix, start)), sum);
        }
        y[yAt + row] = sum.reduceLanes(ADD);
      }
    }
  }

  /** {@code block_q4_0}: half scale, nibbles meaning -8..7. */
  static final class Q4_0 implements BlockKernel {
    private static final int BYTES = 18;
    private static final int NIBBLES = 2;

    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 32; block++) {
        long start = offset + (long) BYTES * block;
        float scale = Lanes.half(from, start);
        for (int i = 0; i < 16; i += WIDTH) {
          IntVector pairs = Lanes.bytes(from, start + NIBBLES + i);
          int to0 = at + block * 32 + i;
          Lanes.floats(pairs.and(15).sub(8)).mul(scale).intoArray(to, to0);
          Lanes.floats(pairs.lanewise(LSHR, 4).sub(8)).mul(scale).intoArray(to, to0 + 16);
        }
      }
    }

    @Override
    public void multiply(
        MemorySegment matrix,
        long offset,
        int rows,
        int columns,
        float[] x,
        int at,
        float[] y,
        int yAt) {
      int blocks = columns / 32;
      float[] sums = Lanes.sums(x, at, columns, 32);
      for (int row = 0; row < rows; row++) {
        long rowStart = offset + (long) row * blocks * BYTES;
        FloatVector sum = FloatVector.zero(F);
        float eighth = 0; // Σ (level - 8) x = Σ level x - 8 Σ x
        for (int block = 0; block < blocks; block++) {
          long start = rowStart + (long) BYTES * block;
          FloatVector part = FloatVector.zero(F);
          for (int i = 0; i < 16; i += WIDTH) {
            IntVector pairs = Lanes.bytes(matrix, start + NIBBLES + i);
            FloatVector low = Lanes.load(x, at + block * 32 + i);
            FloatVector high = Lanes.load(x, at + block * 32 + 16 + i);
            part = Lanes.floats(pairs.and(15)).fma(low, part);
            part = Lanes.floats(pairs.lanewise(LSHR, 4)).fma(high, part);
          }
          float scale = Lanes.half(matrix, start);
          sum = part.fma(Lanes.all(scale), sum);
          eighth = Math.fma(scale, sums[block], eighth);
        }
        y[yAt + row] = sum.reduceLanes(ADD) - 8 * eighth;
      }
    }
  }
}
