package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: half scale, for every 8 elements the low byte of a point number, then their signs,
 * the high pairs of the numbers, sixteen four-bit scales; {@code block_iq2_s}.
 */
final class IQ2_S extends PointsAndSigns {
  private static final int SCALE = 0;
  private static final int LOW = 2;
  private static final int SIGNS = 34;
  private static final int HIGH = 66;
  private static final int SCALES = 74;

  /** {@code quantize_row_iq2_s_impl}. */
  IQ2_S() {
    super("IQ2_S", 22, 82, 16, 1e-8f, 9, 0.1f, PointSearch.Refit.MOVED);
  }

  private static final class Points {
    static final Codebook CODEBOOK = Codebook.read("IQ2_S", 8, 8, 25, 43);
  }

  private static final class Around {
    static final Neighbours NEIGHBOURS = new Neighbours(Points.CODEBOOK, 1);
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
    for (int k = 0; k < 32; k++) {
      int bits = from[at + SCALES + k / 4] >> k % 4 / 2 * 4 & 0xF;
      float subScale = scale * (0.5f + bits) * 0.25f;
      int index = from[at + LOW + k] & 0xFF | (from[at + HIGH + k / 4] >> k % 4 * 2 & 3) << 8;
      decodeGroup(Points.CODEBOOK, index, from[at + SIGNS + k], subScale, to, toAt + 8 * k);
    }
  }

  @Override
  float sigma2(float sumOfSquares) {
    return 2 * sumOfSquares / SIZE;
  }

  @Override
  void weigh(PointSearch search, float[] x, int from, float sigma2) {
    search.weigh(x, from, 0.25f * sigma2);
  }

  @Override
  void packPoints(PointSearch search, int j, int place, byte[] to, int at) {
    for (int k = 2 * j; k < 2 * j + 2; k++) {
      int index = neighbours().index(search.points[k % 2]);
      to[at + LOW + k] = (byte) index;
      to[at + HIGH + k / 4] |= (byte) (index >> 8 << k % 4 * 2);
      to[at + SIGNS + k] = (byte) search.signs[k % 2];
    }
  }

  @Override
  void packScale(int bits, int j, byte[] to, int at) {
    to[at + SCALES + j / 2] |= (byte) (bits << j % 2 * 4);
  }

  @Override
  void packScale(float scale, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale * 0.9875f);
  }
}
