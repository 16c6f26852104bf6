package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.ADD;
import static jdk.incubator.vector.VectorOperators.I2F;
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
  abstract static class ScaleMin implements BlockKernel {
    static final int SCALES = 4;
    static final int LEVELS = 16;

    /** Six bits as a float, which saves a conversion. */
    private static final float[] SIX_BITS = new float[64];

    static {
      for (int i = 0; i < 64; i++) {
        SIX_BITS[i] = i;
      }
    }

    /** Six bits of each of eight scales, sub-block {@code j} in byte {@code j}. */
    static long scales(MemorySegment from, long start) {
      int first = Lanes.word(from, start + SCALES);
      int last = Lanes.word(from, start + SCALES + 8);
      int upper = last & 0x0F0F0F0F | (first >>> 6 & 0x03030303) << 4;
      return first & 0x3F3F3F3FL | (long) upper << 32;
    }

    /** The same of the minima. */
    static long mins(MemorySegment from, long start) {
      int second = Lanes.word(from, start + SCALES + 4);
      int last = Lanes.word(from, start + SCALES + 8);
      int upper = last >>> 4 & 0x0F0F0F0F | (second >>> 6 & 0x03030303) << 4;
      return second & 0x3F3F3F3FL | (long) upper << 32;
    }

    static float sixBits(long packed, int j) {
      return SIX_BITS[(int) (packed >>> 8 * j) & 63];
    }

    /** What the minima of a block take away, given the sums of the vector under its sub-blocks. */
    static float less(MemorySegment from, long start, float[] sums, int at) {
      long mins = mins(from, start);
      float less = 0;
      less = Math.fma(sixBits(mins, 0), sums[at], less);
      less = Math.fma(sixBits(mins, 1), sums[at + 1], less);
      less = Math.fma(sixBits(mins, 2), sums[at + 2], less);
      less = Math.fma(sixBits(mins, 3), sums[at + 3], less);
      less = Math.fma(sixBits(mins, 4), sums[at + 4], less);
      less = Math.fma(sixBits(mins, 5), sums[at + 5], less);
      less = Math.fma(sixBits(mins, 6), sums[at + 6], less);
      less = Math.fma(sixBits(mins, 7), sums[at + 7], less);
      return less * Lanes.half(from, start + 2);
    }

    /** Levels of sub-block {@code j}, from element {@code i}. */
    abstract IntVector levels(MemorySegment from, long start, int j, int i);

    abstract int bytes();

    @Override
    public final void decode(MemorySegment from, long offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 256; block++) {
        long start = offset + (long) bytes() * block;
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
  }

  static final class Q4_K extends ScaleMin {
    private static final int BYTES = LEVELS + 128;

    @Override
    int bytes() {
      return BYTES;
    }

    @Override
    IntVector levels(MemorySegment from, long start, int j, int i) {
      return Lanes.bytes(from, start + LEVELS + (j >> 1) * 32L + i)
          .lanewise(LSHR, (j & 1) * 4)
          .and(15);
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
        long rowStart = offset + (long) row * blocks * BYTES;
        FloatVector sum = FloatVector.zero(F);
        float less = 0;
        for (int block = 0; block < blocks; block++) {
          long start = rowStart + (long) BYTES * block;
          less += less(matrix, start, sums, block * 8);
          FloatVector scale = Lanes.all(Lanes.half(matrix, start));
          long scales = scales(matrix, start);
          FloatVector s0 = Lanes.all(sixBits(scales, 0));
          FloatVector s1 = Lanes.all(sixBits(scales, 1));
          FloatVector s2 = Lanes.all(sixBits(scales, 2));
          FloatVector s3 = Lanes.all(sixBits(scales, 3));
          FloatVector s4 = Lanes.all(sixBits(scales, 4));
          FloatVector s5 = Lanes.all(sixBits(scales, 5));
          FloatVector s6 = Lanes.all(sixBits(scales, 6));
          FloatVector s7 = Lanes.all(sixBits(scales, 7));
          FloatVector low = FloatVector.zero(F);
          FloatVector high = FloatVector.zero(F);
          // A loop over the sub-blocks costs more than what is in it, and C2 inlines no method of
          // ours at the end of a body this long.
          for (int i = 0; i < 32; i += WIDTH) {
            int k = at + block * 256 + i;
            IntVector v0 = Lanes.bytes(matrix, start + LEVELS + i);
            IntVector v1 = Lanes.bytes(matrix, start + LEVELS + 32 + i);
            IntVector v2 = Lanes.bytes(matrix, start + LEVELS + 64 + i);
            IntVector v3 = Lanes.bytes(matrix, start + LEVELS + 96 + i);
            low =
                ((FloatVector) v0.and(15).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k))
                    .fma(s0, low);
            high =
                ((FloatVector) v0.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 32))
                    .fma(s1, high);
            low =
                ((FloatVector) v1.and(15).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 64))
                    .fma(s2, low);
            high =
                ((FloatVector) v1.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 96))
                    .fma(s3, high);
            low =
                ((FloatVector) v2.and(15).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 128))
                    .fma(s4, low);
            high =
                ((FloatVector) v2.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 160))
                    .fma(s5, high);
            low =
                ((FloatVector) v3.and(15).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 192))
                    .fma(s6, low);
            high =
                ((FloatVector) v3.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .mul(FloatVector.fromArray(F, x, k + 224))
                    .fma(s7, high);
          }
          sum = low.add(high).fma(scale, sum);
        }
        y[yAt + row] = sum.reduceLanes(ADD) - less;
      }
    }
  }

  static final class Q5_K extends ScaleMin {
    private static final int HIGH = LEVELS;
    private static final int NIBBLES = HIGH + 32;
    private static final int BYTES = NIBBLES + 128;

    @Override
    int bytes() {
      return BYTES;
    }

    @Override
    IntVector levels(MemorySegment from, long start, int j, int i) {
      IntVector low =
          Lanes.bytes(from, start + NIBBLES + (j >> 1) * 32L + i)
              .lanewise(LSHR, (j & 1) * 4)
              .and(15);
      IntVector fifth = Lanes.bytes(from, start + HIGH + i).lanewise(LSHR, j).and(1);
      return low.or(fifth.lanewise(LSHL, 4));
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
        long rowStart = offset + (long) row * blocks * BYTES;
        FloatVector sum = FloatVector.zero(F);
        float less = 0;
        for (int block = 0; block < blocks; block++) {
          long start = rowStart + (long) BYTES * block;
          less += less(matrix, start, sums, block * 8);
          long scales = scales(matrix, start);
          FloatVector blockSum = FloatVector.zero(F);
          for (int j = 0; j < 8; j++) {
            FloatVector part = FloatVector.zero(F);
            for (int i = 0; i < 32; i += WIDTH) {
              FloatVector v = Lanes.load(x, at + block * 256 + j * 32 + i);
              part = Lanes.floats(levels(matrix, start, j, i)).fma(v, part);
            }
            blockSum = part.fma(Lanes.all(sixBits(scales, j)), blockSum);
          }
          sum = blockSum.fma(Lanes.all(Lanes.half(matrix, start)), sum);
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
          for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 32; i += WIDTH) {
              IntVector a = Lanes.bytes(matrix, start + half * 64L + i);
              IntVector b = Lanes.bytes(matrix, start + half * 64L + 32 + i);
              IntVector h = Lanes.bytes(matrix, start + HIGH + half * 32L + i);
              int k = at + block * 256 + half * 128 + i;
              int s = half * 8 + (i >> 4);
              // spelt out: C2 would no longer inline a method of ours in a body this long
              sum =
                  ((FloatVector) a.and(15).or(h.and(3).lanewise(LSHL, 4)).convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k))
                      .fma(FloatVector.broadcast(F, scales[s]), sum);
              sum =
                  ((FloatVector) b.and(15).or(h.and(12).lanewise(LSHL, 2)).convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k + 32))
                      .fma(FloatVector.broadcast(F, scales[s + 2]), sum);
              sum =
                  ((FloatVector) a.lanewise(LSHR, 4).or(h.and(48)).convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k + 64))
                      .fma(FloatVector.broadcast(F, scales[s + 4]), sum);
              sum =
                  ((FloatVector)
                          b.lanewise(LSHR, 4)
                              .or(h.and(192).lanewise(LSHR, 2))
                              .convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k + 96))
                      .fma(FloatVector.broadcast(F, scales[s + 6]), sum);
            }
          }
        }
        y[yAt + row] = sum.reduceLanes(ADD) - 32 * less.reduceLanes(ADD);
      }
    }
  }
}
