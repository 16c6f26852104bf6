package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: half scale, for every 4 elements a point number of a byte, then for every 32
 * elements four times seven signs and a four-bit scale; {@code block_iq3_xxs}.
 */
final class IQ3_XXS extends PointsAndSigns {
  private static final int SCALE = 0;
  private static final int POINTS = 2;
  private static final int SIGNS = 66;

  /** {@code quantize_row_iq3_xxs_impl}. */
  IQ3_XXS() {
    super("IQ3_XXS", 18, 98, 32, 1e-8f, 15, 0.2f, PointSearch.Refit.MOVED);
  }

  private static final class Points {
    static final Codebook CODEBOOK = Codebook.read("IQ3_XXS", 4, 4, 12, 20, 28, 36, 44, 52, 62);
  }

  private static final class Around {
    static final Neighbours NEIGHBOURS = new Neighbours(Points.CODEBOOK, 2);
  }

  @Override
  Neighbours neighbours() {
    return Around.NEIGHBOURS;
  }

  @Override
  boolean evenSigns() {
    return true;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int j = 0; j < 8; j++) {
      int rest = LittleEndian.readInt(from, at + SIGNS + 4 * j);
      float subScale = scale * (0.5f + (rest >>> 28)) * 0.5f;
      for (int k = 0; k < 8; k++) {
        decodeGroup(
            Points.CODEBOOK,
            from[at + POINTS + 8 * j + k] & 0xFF,
            withEighth(rest >> k / 2 * 7 & 127) >> k % 2 * 4,
            subScale,
            to,
            toAt + 32 * j + 4 * k);
      }
    }
  }

  @Override
  float sigma2(float sumOfSquares) {
    return 2 * sumOfSquares / SIZE;
  }

  @Override
  void packPoints(PointSearch search, int j, int place, byte[] to, int at) {
    for (int k = 0; k < 8; k++) {
      to[at + POINTS + 8 * j + k] = (byte) neighbours().index(search.points[k]);
    }
    int rest = 0;
    for (int k = 0; k < 4; k++) {
      rest |= (search.signs[k] & 127) << 7 * k;
    }
    LittleEndian.putInt(to, at + SIGNS + 4 * j, rest);
  }

  @Override
  void packScale(int bits, int j, byte[] to, int at) {
    to[at + SIGNS + 4 * j + 3] |= (byte) (bits << 4);
  }

  @Override
  void packScale(float scale, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale * 1.0125f);
  }
}
