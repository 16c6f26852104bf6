package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.B2F;
import static jdk.incubator.vector.VectorOperators.I2F;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorSpecies;

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

    static final VectorSpecies<Float> EIGHT = FloatVector.SPECIES_256;

    /** Six bits of each of eight scales, sub-block {@code j} in byte {@code j}. */
    static long scales(byte[] from, int start) {
      int first = Lanes.word(from, start + SCALES);
      int last = Lanes.word(from, start + SCALES + 8);
      int upper = last & 0x0F0F0F0F | (first >>> 6 & 0x03030303) << 4;
      return first & 0x3F3F3F3FL | (long) upper << 32;
    }

    /** Minima of eight groups, a byte each. */
    static long mins(byte[] from, int start) {
      int second = Lanes.word(from, start + SCALES + 4);
      int last = Lanes.word(from, start + SCALES + 8);
      int upper = last >>> 4 & 0x0F0F0F0F | (second >>> 6 & 0x03030303) << 4;
      return second & 0x3F3F3F3FL | (long) upper << 32;
    }

    static int sixBits(long packed, int j) {
      return (int) (packed >>> 8 * j) & 63;
    }

    /** Eight six-bit numbers times a half float. */
    static FloatVector times(long packed, byte[] from, int half) {
      return ((FloatVector)
              LongVector.broadcast(LongVector.SPECIES_128, packed)
                  .reinterpretAsBytes()
                  .convertShape(B2F, EIGHT, 0))
          .mul(FloatVector.broadcast(EIGHT, Lanes.half(from, half)));
    }

    @Override
    public final float[] sums(float[] x, int at, int columns) {
      return Lanes.sums(x, at, columns, 32);
    }

    /** Levels of sub-block {@code j}, from element {@code i}. */
    abstract IntVector levels(byte[] from, int start, int j, int i);

    abstract int bytes();

    @Override
    public final void decode(byte[] from, int offset, float[] to, int at, int count) {
      for (int block = 0; block < count / 256; block++) {
        int start = offset + bytes() * block;
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
    IntVector levels(byte[] from, int start, int j, int i) {
      return Lanes.bytes(from, start + LEVELS + (j >> 1) * 32 + i)
          .lanewise(LSHR, (j & 1) * 4)
          .and(15);
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
      int blocks = columns / 256;
      float[] scales = new float[8];
      for (int row = 0; row < rows; row++) {
        int rowStart = offset + row * blocks * BYTES;
        FloatVector low = FloatVector.zero(F);
        FloatVector high = FloatVector.zero(F);
        FloatVector less = FloatVector.zero(EIGHT);
        for (int block = 0; block < blocks; block++) {
          int start = rowStart + BYTES * block;
          times(scales(matrix, start), matrix, start).intoArray(scales, 0);
          FloatVector under = FloatVector.fromArray(EIGHT, sums, block * 8);
          less = times(mins(matrix, start), matrix, start + 2).fma(under, less);
          FloatVector s0 = FloatVector.zero(F);
          FloatVector s1 = FloatVector.zero(F);
          FloatVector s2 = FloatVector.zero(F);
          FloatVector s3 = FloatVector.zero(F);
          FloatVector s4 = FloatVector.zero(F);
          FloatVector s5 = FloatVector.zero(F);
          FloatVector s6 = FloatVector.zero(F);
          FloatVector s7 = FloatVector.zero(F);
          // A loop over the sub-blocks costs more than what is in it, and C2 inlines no method of
          // ours at the end of a body this long.
          for (int i = 0; i < 32; i += WIDTH) {
            int k = at + block * 256 + i;
            IntVector v0 = Lanes.bytes(matrix, start + LEVELS + i);
            IntVector v1 = Lanes.bytes(matrix, start + LEVELS + 32 + i);
            IntVector v2 = Lanes.bytes(matrix, start + LEVELS + 64 + i);
            IntVector v3 = Lanes.bytes(matrix, start + LEVELS + 96 + i);
            s0 =
                ((FloatVector) v0.and(15).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k), s0);
            s1 =
                ((FloatVector) v0.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 32), s1);
            s2 =
                ((FloatVector) v1.and(15).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 64), s2);
            s3 =
                ((FloatVector) v1.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 96), s3);
            s4 =
                ((FloatVector) v2.and(15).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 128), s4);
            s5 =
                ((FloatVector) v2.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 160), s5);
            s6 =
                ((FloatVector) v3.and(15).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 192), s6);
            s7 =
                ((FloatVector) v3.lanewise(LSHR, 4).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 224), s7);
          }
          low = s0.fma(FloatVector.broadcast(F, scales[0]), low);
          high = s1.fma(FloatVector.broadcast(F, scales[1]), high);
          low = s2.fma(FloatVector.broadcast(F, scales[2]), low);
          high = s3.fma(FloatVector.broadcast(F, scales[3]), high);
          low = s4.fma(FloatVector.broadcast(F, scales[4]), low);
          high = s5.fma(FloatVector.broadcast(F, scales[5]), high);
          low = s6.fma(FloatVector.broadcast(F, scales[6]), low);
          high = s7.fma(FloatVector.broadcast(F, scales[7]), high);
        }
        y[yAt + row] = Sums.of(low.add(high)) - Sums.ofEight(less);
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
    IntVector levels(byte[] from, int start, int j, int i) {
      IntVector low =
          Lanes.bytes(from, start + NIBBLES + (j >> 1) * 32 + i)
              .lanewise(LSHR, (j & 1) * 4)
              .and(15);
      IntVector fifth = Lanes.bytes(from, start + HIGH + i).lanewise(LSHR, j).and(1);
      return low.or(fifth.lanewise(LSHL, 4));
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
      int blocks = columns / 256;
      float[] scales = new float[8];
      for (int row = 0; row < rows; row++) {
        int rowStart = offset + row * blocks * BYTES;
        FloatVector low = FloatVector.zero(F);
        FloatVector high = FloatVector.zero(F);
        FloatVector less = FloatVector.zero(EIGHT);
        for (int block = 0; block < blocks; block++) {
          int start = rowStart + BYTES * block;
          times(scales(matrix, start), matrix, start).intoArray(scales, 0);
          FloatVector under = FloatVector.fromArray(EIGHT, sums, block * 8);
          less = times(mins(matrix, start), matrix, start + 2).fma(under, less);
          FloatVector s0 = FloatVector.zero(F);
          FloatVector s1 = FloatVector.zero(F);
          FloatVector s2 = FloatVector.zero(F);
          FloatVector s3 = FloatVector.zero(F);
          FloatVector s4 = FloatVector.zero(F);
          FloatVector s5 = FloatVector.zero(F);
          FloatVector s6 = FloatVector.zero(F);
          FloatVector s7 = FloatVector.zero(F);
          for (int i = 0; i < 32; i += WIDTH) { // spelt out for the same reasons as Q4_K
            int k = at + block * 256 + i;
            IntVector h = Lanes.bytes(matrix, start + HIGH + i);
            IntVector v0 = Lanes.bytes(matrix, start + NIBBLES + i);
            IntVector v1 = Lanes.bytes(matrix, start + NIBBLES + 32 + i);
            IntVector v2 = Lanes.bytes(matrix, start + NIBBLES + 64 + i);
            IntVector v3 = Lanes.bytes(matrix, start + NIBBLES + 96 + i);
            s0 =
                ((FloatVector) v0.and(15).or(h.lanewise(LSHL, 4).and(16)).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k), s0);
            s1 =
                ((FloatVector)
                        v0.lanewise(LSHR, 4)
                            .or(h.lanewise(LSHL, 3).and(16))
                            .convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 32), s1);
            s2 =
                ((FloatVector) v1.and(15).or(h.lanewise(LSHL, 2).and(16)).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 64), s2);
            s3 =
                ((FloatVector)
                        v1.lanewise(LSHR, 4)
                            .or(h.lanewise(LSHL, 1).and(16))
                            .convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 96), s3);
            s4 =
                ((FloatVector) v2.and(15).or(h.and(16)).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 128), s4);
            s5 =
                ((FloatVector)
                        v2.lanewise(LSHR, 4)
                            .or(h.lanewise(LSHR, 1).and(16))
                            .convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 160), s5);
            s6 =
                ((FloatVector) v3.and(15).or(h.lanewise(LSHR, 2).and(16)).convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 192), s6);
            s7 =
                ((FloatVector)
                        v3.lanewise(LSHR, 4)
                            .or(h.lanewise(LSHR, 3).and(16))
                            .convertShape(I2F, F, 0))
                    .fma(FloatVector.fromArray(F, x, k + 224), s7);
          }
          low = s0.fma(FloatVector.broadcast(F, scales[0]), low);
          high = s1.fma(FloatVector.broadcast(F, scales[1]), high);
          low = s2.fma(FloatVector.broadcast(F, scales[2]), low);
          high = s3.fma(FloatVector.broadcast(F, scales[3]), high);
          low = s4.fma(FloatVector.broadcast(F, scales[4]), low);
          high = s5.fma(FloatVector.broadcast(F, scales[5]), high);
          low = s6.fma(FloatVector.broadcast(F, scales[6]), low);
          high = s7.fma(FloatVector.broadcast(F, scales[7]), high);
        }
        y[yAt + row] = Sums.of(low.add(high)) - Sums.ofEight(less);
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
    private static IntVector levels(byte[] from, int start, int j, int i) {
      IntVector low =
          Lanes.bytes(from, start + (j & 4) * 16 + (j & 1) * 32 + i)
              .lanewise(LSHR, (j & 2) * 2)
              .and(15);
      IntVector high =
          Lanes.bytes(from, start + HIGH + (j & 4) * 8 + i).lanewise(LSHR, (j & 3) * 2).and(3);
      return low.or(high.lanewise(LSHL, 4));
    }

    /** The scales of sixteen elements each. */
    private static void scales(byte[] from, int start, float[] scales) {
      float scale = Lanes.half(from, start + SCALE);
      for (int i = 0; i < 16; i += WIDTH) {
        Lanes.int8(from, start + SCALES + i).mul(scale).intoArray(scales, i);
      }
    }

    @Override
    public void decode(byte[] from, int offset, float[] to, int at, int count) {
      float[] scales = new float[16];
      for (int block = 0; block < count / 256; block++) {
        int start = offset + BYTES * block;
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
    public float[] sums(float[] x, int at, int columns) {
      return Lanes.sums(x, at, columns, 16);
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
      int blocks = columns / 256;
      float[] scales = new float[16];
      for (int row = 0; row < rows; row++) {
        int rowStart = offset + row * blocks * BYTES;
        FloatVector even = FloatVector.zero(F);
        FloatVector odd = FloatVector.zero(F);
        FloatVector less = FloatVector.zero(F); // Σ (level - 32) x = Σ level x - 32 Σ x
        for (int block = 0; block < blocks; block++) {
          int start = rowStart + BYTES * block;
          scales(matrix, start, scales);
          for (int i = 0; i < 16; i += WIDTH) {
            less = Lanes.load(scales, i).fma(Lanes.load(sums, block * 16 + i), less);
          }
          for (int half = 0; half < 2; half++) {
            for (int i = 0; i < 32; i += WIDTH) {
              IntVector a = Lanes.bytes(matrix, start + half * 64 + i);
              IntVector b = Lanes.bytes(matrix, start + half * 64 + 32 + i);
              IntVector h = Lanes.bytes(matrix, start + HIGH + half * 32 + i);
              int k = at + block * 256 + half * 128 + i;
              int s = half * 8 + (i >> 4);
              // spelt out: C2 would no longer inline a method of ours in a body this long
              even =
                  ((FloatVector) a.and(15).or(h.and(3).lanewise(LSHL, 4)).convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k))
                      .fma(FloatVector.broadcast(F, scales[s]), even);
              odd =
                  ((FloatVector) b.and(15).or(h.and(12).lanewise(LSHL, 2)).convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k + 32))
                      .fma(FloatVector.broadcast(F, scales[s + 2]), odd);
              even =
                  ((FloatVector) a.lanewise(LSHR, 4).or(h.and(48)).convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k + 64))
                      .fma(FloatVector.broadcast(F, scales[s + 4]), even);
              odd =
                  ((FloatVector)
                          b.lanewise(LSHR, 4)
                              .or(h.and(192).lanewise(LSHR, 2))
                              .convertShape(I2F, F, 0))
                      .mul(FloatVector.fromArray(F, x, k + 96))
                      .fma(FloatVector.broadcast(F, scales[s + 6]), odd);
            }
          }
        }
        y[yAt + row] = Sums.of(even.add(odd)) - 32 * Sums.of(less);
      }
    }
  }
}
