package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: half scale, for every 8 elements a nine-bit point number under seven signs, sixteen
 * four-bit scales; {@code block_iq2_xs}.
 */
final class IQ2_XS extends PointsAndSigns {
  private static final int SCALE = 0;
  private static final int GROUPS = 2;
  private static final int SCALES = 66;

  /** {@code quantize_row_iq2_xs_impl}. */
  IQ2_XS() {
    super("IQ2_XS", 17, 74, 16, 1e-15f, 9, 0.1f, PointSearch.Refit.MOVED);
  }

  private static final class Points {
    static final Codebook CODEBOOK = Codebook.read("IQ2_XS", 8, 8, 25, 43);
  }

  private static final class Around {
    static final Neighbours NEIGHBOURS = new Neighbours(Points.CODEBOOK, 2);
  }

  @Override
  Neighbours neighbours() {
    return Around.NEIGHBOURS;
  }

  @Override
  public boolean needsImportance() {
    return true;
  }

  @Override
  boolean evenSigns() {
    return true;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int k = 0; k < 32; k++) {
      int bits = from[at + SCALES + k / 4] >> k % 4 / 2 * 4 & 0xF;
      float subScale = scale * (0.5f + bits) * 0.25f;
      int group = LittleEndian.readShort(from, at + GROUPS + 2 * k);
      decodeGroup(
          Points.CODEBOOK, group & 511, withEighth(group >> 9 & 127), subScale, to, toAt + 8 * k);
    }
  }

  @Override
  float sigma2(float sumOfSquares) {
    return sumOfSquares / SIZE;
  }

  @Override
  void packPoints(PointSearch search, int j, int place, byte[] to, int at) {
    for (int k = 0; k < 2; k++) {
      int group = neighbours().index(search.points[k]) | (search.signs[k] & 127) << 9;
      LittleEndian.putShort(to, at + GROUPS + 4 * j + 2 * k, (short) group);
    }
  }

  @Override
  void packScale(int bits, int j, byte[] to, int at) {
    to[at + SCALES + j / 2] |= (byte) (bits << j % 2 * 4);
  }

  @Override
  void packScale(float scale, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
  }
}
