package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/** The K-quants that most recipes use: 256 elements in sub-blocks with scales of their own. */
final class Blocks256 {
  private Blocks256() {}

  /**
   * {@code block_q4_K} and {@code block_q5_K}: half scale, half minimum, eight pairs of six-bit
   * scales and minima in twelve bytes, fifth bits if there are, nibbles.
   */
  static final class ScaleMin implements BlockKernel {
    private static final int SCALES = 4;
    private static final int LEVELS = 16;

    /** Six bits as a float, which saves a conversion. */
    private static final float[] SIX_BITS = new float[64];

    static {
      for (int i = 0; i < 64; i++) {
        SIX_BITS[i] = i;
      }
    }

    private final int high; // bytes of fifth bits
    private final int bytes;

    ScaleMin(int high) {
      this.high = high;
      this.bytes = LEVELS + high + 128;
    }

    /** Six bits of each of eight scales, sub-block {@code j} in byte {@code j}. */
    private static long scales(MemorySegment from, long start) {
      int first = Lanes.word(from, start + SCALES);
      int last = Lanes.word(from, start + SCALES + 8);
      int upper = last & 0x0F0F0F0F | (first >>> 6 & 0x03030303) << 4;
      return first & 0x3F3F3F3FL | (long) upper << 32;
    }

    /** The same of the minima. */
    private static long mins(MemorySegment from, long start) {
      int second = Lanes.word(from, start + SCALES + 4);
      int last = Lanes.word(from, start + SCALES + 8);
      int upper = last >>> 4 & 0x0F0F0F0F | (second >>> 6 & 0x03030303) << 4;
      return second & 0x3F3F3F3FL | (long) upper << 32;
    }

    private static float sixBits(long packed, int j) {
      return SIX_BITS[(int) (packed >>> 8 * j) & 63];
    }

    /** Levels of sub-block {@code j}, from element {@code i}. */
    private IntVector levels(MemorySegment from, long start, int j, int i) {
      IntVector levels =
          Lanes.bytes(from, start + LEVELS + high + (j >> 1) * 32L + i)
              .lanewise(LSHR, (j & 1) * 4)
              .and(15);
      return high == 0
          ? levels
          : levels.or(
              Lanes.bytes(from, start + LEVELS + i).lanewise(LSHR, j).and(1).lanewise(LSHL, 4));
    }

    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 256; block++) {
        long start = offset + (long) bytes * block;
        float scale = Lanes.half(from, start);
        float min = Lanes.half(from, start + 2);
        long scales = scales(from, start);
        long mins = mins(from, start);
        for (int j = 0; j < 8; j++) {
          float subScale = scale * sixBits(scales, j);
          float subMin = min * sixBits(mins, j);
          for (int i = 0; i < 32; i += WIDTH) {
            Lanes.floats(levels(from, start, j, i))
                .mul(subScale)
                .sub(subMin)
                .intoArray(to, at + block * 256 + j * 32 + i);
          }
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
      int blocks = columns / 256;
      float[] sums = Lanes.sums(x, at, columns, 32);
      for (int row = 0; row < rows; row++) {
        long rowStart = offset + (long) row * blocks * bytes;
        FloatVector sum = FloatVector.zero(F);
        float less = 0; // what the minima take away
        for (int block = 0; block < blocks; block++) {
          long start = rowStart + (long) bytes * block;
          long scales = scales(matrix, start);
          long mins = mins(matrix, start);
          FloatVector blockSum = FloatVector.zero(F);
          float blockLess = 0;
          for (int j = 0; j < 8; j++) {
            FloatVector part = FloatVector.zero(F);
            for (int i = 0; i < 32; i += WIDTH) {
              FloatVector v = Lanes.load(x, at + block * 256 + j * 32 + i);
              part = Lanes.floats(levels(matrix, start, j, i)).fma(v, part);
            }
            blockSum = part.fma(Lanes.all(sixBits(scales, j)), blockSum);
            blockLess = Math.fma(sixBits(mins, j), sums[block * 8 + j], blockLess);
          }
          sum = blockSum.fma(Lanes.all(Lanes.half(matrix, start)), sum);
          less = Math.fma(Lanes.half(matrix, start + 2), blockLess, less);
        }
        y[yAt + row] = sum.reduceLanes(ADD) - less;
      }
    }
  }

  /**
   * {@code block_q6_K}: 128 bytes of low nibbles, 64 bytes of high bit pairs, sixteen int8 scales,
   * half scale.
   */
  static final class Q6_K implements BlockKernel {
    private static final int BYTES = 210;
    private static final int HIGH = 128;
    private static final int SCALES = 192;
    private static final int SCALE = 208;

    /** Levels of the elements {@code 32 j + i} and on, 32 too high. */
    private static IntVector levels(MemorySegment from, long start, int j, int i) {
      IntVector low =
          Lanes.bytes(from, start + (j & 4) * 16L + (j & 1) * 32L + i)
              .lanewise(LSHR, (j & 2) * 2)
              .and(15);
      IntVector high =
          Lanes.bytes(from, start + HIGH + (j & 4) * 8L + i).lanewise(LSHR, (j & 3) * 2).and(3);
      return low.or(high.lanewise(LSHL, 4));
    }

    /** The scales of sixteen elements each. */
    private static void scales(MemorySegment from, long start, float[] scales) {
      float scale = Lanes.half(from, start + SCALE);
      for (int i = 0; i < 16; i += WIDTH) {
        Lanes.int8(from, start + SCALES + i).mul(scale).intoArray(scales, i);
      }
    }

    @Override
    public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      float[] scales = new float[16];
      for (int block = 0; block < count / 256; block++) {
        long start = offset + (long) BYTES * block;
        scales(from, start, scales);
        for (int j = 0; j < 8; j++) {
          for (int i = 0; i < 32; i += WIDTH) {
            Lanes.floats(levels(from, start, j, i).sub(32))
                .mul(scales[2 * j + (i >> 4)])
                .intoArray(to, at + block * 256 + j * 32 + i);
          }
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
      int blocks = columns / 256;
      float[] sums = Lanes.sums(x, at, columns, 16);
      float[] scales = new float[16];
      for (int row = 0; row < rows; row++) {
        long rowStart = offset + (long) row * blocks * BYTES;
        FloatVector sum = FloatVector.zero(F);
        FloatVector less = FloatVector.zero(F); // Σ (level - 32) x = Σ level x - 32 Σ x
        for (int block = 0; block < blocks; block++) {
          long start = rowStart + (long) BYTES * block;
          scales(matrix, start, scales);
          for (int i = 0; i < 16; i += WIDTH) {
            less = Lanes.load(scales, i).fma(Lanes.load(sums, block * 16 + i), less);
          }
          for (int j = 0; j < 8; j++) {
            for (int i = 0; i < 32; i += WIDTH) {
              FloatVector v = Lanes.load(x, at + block * 256 + j * 32 + i);
              FloatVector product = Lanes.floats(levels(matrix, start, j, i)).mul(v);
              sum = product.fma(Lanes.all(scales[2 * j + (i >> 4)]), sum);
            }
          }
        }
        y[yAt + row] = sum.reduceLanes(ADD) - 32 * less.reduceLanes(ADD);
      }
    }
  }
}
