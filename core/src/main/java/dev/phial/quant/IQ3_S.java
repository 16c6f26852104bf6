package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: half scale, for every 4 elements the low byte of a point number, the high bits of
 * the numbers, the signs, eight four-bit scales; {@code block_iq3_s}.
 */
final class IQ3_S extends PointsAndSigns {
  private static final int SCALE = 0;
  private static final int LOW = 2;
  private static final int HIGH = 66;
  private static final int SIGNS = 74;
  private static final int SCALES = 106;

  /** {@code quantize_row_iq3_s_impl}; only a sub-block of nothing but zeros is passed over. */
  IQ3_S() {
    super("IQ3_S", 21, 110, 32, Float.MIN_VALUE, 9, 0.2f, PointSearch.Refit.ALL_IF_MOVED);
  }

  private static final class Points {
    static final Codebook CODEBOOK = Codebook.read("IQ3_S", 4, 1, 3, 5, 7, 9, 11, 13, 15);
  }

  private static final class Around {
    static final Neighbours NEIGHBOURS = new Neighbours(Points.CODEBOOK, 3);
  }

  @Override
  Neighbours neighbours() {
    return Around.NEIGHBOURS;
  }

  @Override
  boolean evenSigns() {
    return false;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int k = 0; k < 64; k++) {
      int bits = from[at + SCALES + k / 16] >> k % 16 / 8 * 4 & 0xF;
      float subScale = scale * (1 + 2 * bits);
      int index = from[at + LOW + k] & 0xFF | (from[at + HIGH + k / 8] >> k % 8 & 1) << 8;
      int signs = from[at + SIGNS + k / 2] >> k % 2 * 4;
      decodeGroup(Points.CODEBOOK, index, signs, subScale, to, toAt + 4 * k);
    }
  }

  @Override
  float sigma2(float sumOfSquares) {
    return 2 * sumOfSquares / SIZE;
  }

  /**
   * The reference steps over the high bits of a sub-block of zeros but not over its low bytes and
   * signs, so these come to lie too early in what follows it, and read wrongly; to write the same
   * file, so do we.
   */
  @Override
  void packPoints(PointSearch search, int j, int place, byte[] to, int at) {
    for (int k = 0; k < 8; k++) {
      int index = neighbours().index(search.points[k]);
      to[at + LOW + 8 * place + k] = (byte) index;
      to[at + HIGH + j] |= (byte) (index >> 8 << k);
    }
    for (int k = 0; k < 4; k++) {
      to[at + SIGNS + 4 * place + k] = (byte) search.signs[k];
    }
  }

  @Override
  void packScale(int bits, int j, byte[] to, int at) {
    to[at + SCALES + j / 2] |= (byte) (bits << j % 2 * 4);
  }

  @Override
  void packScale(float scale, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale * 1.033f);
  }
}
