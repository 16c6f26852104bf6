package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.LSHR;

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
    public void decode(byte[] from, int offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 32; block++) {
        int start = offset + BYTES * block;
        float scale = Lanes.half(from, start);
        for (int i = 0; i < 32; i += WIDTH) {
          Lanes.int8(from, start + LEVELS + i).mul(scale).intoArray(to, at + block * 32 + i);
        }
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
      int blocks = columns / 32;
      int rowBytes = BYTES * blocks;
      for (int row = 0; row < rows; row += 2) {
        int rowStart = offset + rowBytes * row;
        int toNext = row + 1 < rows ? rowBytes : 0; // the last may have none
        FloatVector sum = FloatVector.zero(F);
        FloatVector nextSum = FloatVector.zero(F);
        for (int block = 0; block < blocks; block++) {
          int start = rowStart + BYTES * block;
          int next = start + toNext;
          FloatVector part = FloatVector.zero(F);
          FloatVector nextPart = FloatVector.zero(F);
          for (int i = 0; i < 32; i += WIDTH) {
            FloatVector v = Lanes.load(x, at + block * 32 + i);
            part = Lanes.int8(matrix, start + LEVELS + i).fma(v, part);
            nextPart = Lanes.int8(matrix, next + LEVELS + i).fma(v, nextPart);
          }
          sum = part.fma(Lanes.all(Lanes.half(matrix, start)), sum);
          nextSum = nextPart.fma(Lanes.all(Lanes.half(matrix, next)), nextSum);
        }
        y[yAt + row] = Sums.of(sum);
        if (row + 1 < rows) {
          y[yAt + row + 1] = Sums.of(nextSum);
        }
      }
    }
  }

  /** {@code block_q4_0}: half scale, nibbles meaning -8..7. */
  static final class Q4_0 implements BlockKernel {
    private static final int BYTES = 18;
    private static final int NIBBLES = 2;

    @Override
    public void decode(byte[] from, int offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 32; block++) {
        int start = offset + BYTES * block;
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
        byte[] matrix,
        int offset,
        int rows,
        int columns,
        float[] x,
        int at,
        float[] sums,
        float[] y,
        int yAt) {
      int blocks = columns / 32;
      int rowBytes = BYTES * blocks;
      for (int row = 0; row < rows; row += 2) {
        int rowStart = offset + rowBytes * row;
        int toNext = row + 1 < rows ? rowBytes : 0; // the last may have none
        FloatVector sum = FloatVector.zero(F);
        FloatVector nextSum = FloatVector.zero(F);
        for (int block = 0; block < blocks; block++) {
          int start = rowStart + BYTES * block;
          int next = start + toNext;
          FloatVector scale = Lanes.all(Lanes.half(matrix, start));
          FloatVector nextScale = Lanes.all(Lanes.half(matrix, next));
          for (int i = 0; i < 16; i += WIDTH) {
            FloatVector low = Lanes.load(x, at + block * 32 + i);
            FloatVector high = Lanes.load(x, at + block * 32 + 16 + i);
            FloatVector less = Lanes.load(sums, block * 16 + i);
            IntVector pairs = Lanes.bytes(matrix, start + NIBBLES + i);
            FloatVector part = Lanes.floats(pairs.and(15)).fma(low, less);
            sum = Lanes.floats(pairs.lanewise(LSHR, 4)).fma(high, part).fma(scale, sum);
            pairs = Lanes.bytes(matrix, next + NIBBLES + i);
            part = Lanes.floats(pairs.and(15)).fma(low, less);
            nextSum = Lanes.floats(pairs.lanewise(LSHR, 4)).fma(high, part).fma(nextScale, nextSum);
          }
        }
        y[yAt + row] = Sums.of(sum);
        if (row + 1 < rows) {
          y[yAt + row + 1] = Sums.of(nextSum);
        }
      }
    }

    /** What levels without sign have too much: {@code Σ (level - 8) x = Σ level x - 8 Σ x}. */
    @Override
    public float[] sums(float[] x, int at, int columns) {
      float[] sums = new float[columns / 2];
      for (int i = 0; i < sums.length; i++) {
        int low = at + 2 * i - i % 16; // elements of a block that share bytes are 16 apart
        sums[i] = -8 * (x[low] + x[low + 16]);
      }
      return sums;
    }
  }
}
