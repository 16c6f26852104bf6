package dev.phial.kernel;

import static dev.phial.kernel.Lanes.F;
import static dev.phial.kernel.Lanes.I;
import static dev.phial.kernel.Lanes.WIDTH;
import static jdk.incubator.vector.VectorOperators.LSHL;
import static jdk.incubator.vector.VectorOperators.LSHR;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;

/**
 * Encodings that are decoded piece by piece and then multiplied. That is simpler than to multiply
 * on the way, and takes about twice as long.
 */
abstract class DecodedBlocks implements BlockKernel {
  /** Elements that are decoded at a time: they stay in the first cache. */
  private static final int PIECE = 1024;

  private final int blockSize;
  final int blockBytes;

  private DecodedBlocks(int blockSize, int blockBytes) {
    this.blockSize = blockSize;
    this.blockBytes = blockBytes;
  }

  /** Decodes the block that begins at byte {@code start}. */
  abstract void block(byte[] from, int start, float[] to, int at);

  @Override
  public final void decode(byte[] from, int offset, float[] to, int at, int count) {
    for (int block = 0; block < count / blockSize; block++) {
      block(from, offset + block * blockBytes, to, at + block * blockSize);
    }
  }

  @Override
  public final void multiply(
      byte[] matrix,
      int offset,
      int rows,
      int columns,
      float[] x,
      int at,
      float[] sums,
      float[] y,
      int yAt) {
    float[] piece = new float[Math.min(PIECE, columns)];
    int start = offset;
    for (int row = 0; row < rows; row++) {
      float sum = 0;
      for (int k = 0; k < columns; k += PIECE) {
        int n = Math.min(PIECE, columns - k);
        decode(matrix, start, piece, 0, n);
        sum += MatrixKernels.best().dot(piece, 0, x, at + k, n);
        start += n / blockSize * blockBytes;
      }
      y[yAt + row] = sum;
    }
  }

  /**
   * {@code block_q4_1}, {@code block_q5_0} and {@code block_q5_1}: half scale, half minimum if
   * there is, fifth bits if there are, sixteen bytes of nibbles.
   */
  static final class Levels32 extends DecodedBlocks {
    private static final IntVector LANE = IntVector.zero(I).addIndex(1);

    private final int nibbles;
    private final boolean hasMin;
    private final boolean hasFifths;
    private final int least;

    /**
     * @param least what a level of zero stands for
     */
    Levels32(boolean hasMin, boolean hasFifths, int least) {
      super(32, 18 + (hasMin ? 2 : 0) + (hasFifths ? 4 : 0));
      this.hasMin = hasMin;
      this.hasFifths = hasFifths;
      this.least = least;
      this.nibbles = blockBytes - 16;
    }

    @Override
    void block(byte[] from, int start, float[] to, int at) {
      float scale = Lanes.half(from, start);
      float min = hasMin ? Lanes.half(from, start + 2) : 0;
      int fifths = hasFifths ? Lanes.word(from, start + nibbles - 4) : 0;
      for (int i = 0; i < 16; i += WIDTH) {
        IntVector pairs = Lanes.bytes(from, start + nibbles + i);
        put(pairs.and(15), fifths >>> i, scale, min, to, at + i);
        put(pairs.lanewise(LSHR, 4), fifths >>> 16 + i, scale, min, to, at + 16 + i);
      }
    }

    private void put(IntVector levels, int fifths, float scale, float min, float[] to, int at) {
      IntVector fifth = IntVector.broadcast(I, fifths).lanewise(LSHR, LANE).and(1);
      FloatVector scaled = Lanes.floats(levels.or(fifth.lanewise(LSHL, 4)).add(least)).mul(scale);
      (hasMin ? scaled.add(min) : scaled).intoArray(to, at);
    }
  }

  /** Nibbles that index a codebook of sixteen values. */
  abstract static class Coded extends DecodedBlocks {
    private final float[] codebook = new float[32]; // twice, or as much of it as two registers hold

    Coded(int blockSize, int blockBytes, byte[] codebook) {
      super(blockSize, blockBytes);
      for (int i = 0; i < 32; i++) {
        this.codebook[i] = codebook[i % 16];
      }
    }

    /** 32 elements, the first sixteen in the low nibbles. */
    final void put(byte[] from, int nibbles, float scale, float[] to, int at) {
      IntVector first = FloatVector.fromArray(F, codebook, 0).reinterpretAsInts();
      IntVector second = FloatVector.fromArray(F, codebook, WIDTH).reinterpretAsInts();
      for (int i = 0; i < 16; i += WIDTH) {
        IntVector pairs = Lanes.bytes(from, nibbles + i);
        IntVector low = pairs.and(15).selectFrom(first, second);
        IntVector high = pairs.lanewise(LSHR, 4).selectFrom(first, second);
        low.reinterpretAsFloats().mul(scale).intoArray(to, at + i);
        high.reinterpretAsFloats().mul(scale).intoArray(to, at + 16 + i);
      }
    }
  }

  /** {@code block_iq4_nl}: half scale, nibbles. */
  static final class IQ4_NL extends Coded {
    IQ4_NL(byte[] codebook) {
      super(32, 18, codebook);
    }

    @Override
    void block(byte[] from, int start, float[] to, int at) {
      put(from, start + 2, Lanes.half(from, start), to, at);
    }
  }

  /**
   * {@code block_iq4_xs}: half scale, eight six-bit scales (high pairs in two bytes, low nibbles in
   * four), nibbles.
   */
  static final class IQ4_XS extends Coded {
    IQ4_XS(byte[] codebook) {
      super(256, 136, codebook);
    }

    @Override
    void block(byte[] from, int start, float[] to, int at) {
      float scale = Lanes.half(from, start);
      int high = Lanes.bits(from, start + 2);
      int low = Lanes.word(from, start + 4);
      for (int j = 0; j < 8; j++) {
        int bits = low >> 4 * j & 15 | (high >> 2 * j & 3) << 4;
        put(from, start + 8 + 16 * j, scale * (bits - 32), to, at + 32 * j);
      }
    }
  }

  /**
   * {@code block_q2_K}: sixteen bytes of four-bit scale and minimum, 64 bytes of two-bit levels,
   * half scale, half minimum.
   */
  static final class Q2_K extends DecodedBlocks {
    Q2_K() {
      super(256, 84);
    }

    @Override
    void block(byte[] from, int start, float[] to, int at) {
      float scale = Lanes.half(from, start + 80);
      float min = Lanes.half(from, start + 82);
      for (int j = 0; j < 16; j++) {
        float subScale = scale * (from[start + j] & 15);
        float subMin = min * (from[start + j] >> 4 & 15);
        int shift = j % 8 / 2 * 2;
        int levels = start + 16 + j / 8 * 32 + j % 2 * 16;
        for (int i = 0; i < 16; i += WIDTH) {
          IntVector level = Lanes.bytes(from, levels + i).lanewise(LSHR, shift).and(3);
          Lanes.floats(level).mul(subScale).sub(subMin).intoArray(to, at + 16 * j + i);
        }
      }
    }
  }

  /**
   * {@code block_q3_K}: 32 bytes of third bits, 64 bytes of two-bit levels, sixteen six-bit scales
   * in twelve bytes, half scale.
   */
  static final class Q3_K extends DecodedBlocks {
    private static final int SCALES = 96;

    Q3_K() {
      super(256, 110);
    }

    @Override
    void block(byte[] from, int start, float[] to, int at) {
      float scale = Lanes.half(from, start + 108);
      for (int j = 0; j < 16; j++) {
        int low = from[start + SCALES + j % 8] >> j / 8 * 4 & 15;
        int high = from[start + SCALES + 8 + j % 4] >> j / 4 * 2 & 3;
        float subScale = scale * ((low | high << 4) - 32);
        int shift = j % 8 / 2 * 2;
        int highShift = j / 2;
        int levels = start + 32 + j / 8 * 32 + j % 2 * 16;
        for (int i = 0; i < 16; i += WIDTH) {
          IntVector third =
              Lanes.bytes(from, start + j % 2 * 16 + i).lanewise(LSHR, highShift).and(1);
          IntVector level = Lanes.bytes(from, levels + i).lanewise(LSHR, shift).and(3);
          Lanes.floats(level.or(third.lanewise(LSHL, 2)).sub(4))
              .mul(subScale)
              .intoArray(to, at + 16 * j + i);
        }
      }
    }
  }
}
