package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: half scale, then for every 32 elements four point numbers of a byte, four times
 * seven signs and a four-bit scale; {@code block_iq2_xxs}.
 */
final class IQ2_XXS extends PointsAndSigns {
  private static final int SCALE = 0;
  private static final int GROUPS = 2;

  IQ2_XXS() {
    super("IQ2_XXS", 16, 66, 32, 1e-15f, 6, 0.1f, PointSearch.Refit.ALL);
  }

  private static final class Points {
    static final Codebook CODEBOOK = Codebook.read("IQ2_XXS", 8, 8, 25, 43);
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
    for (int j = 0; j < 8; j++) {
      int points = at + GROUPS + 8 * j;
      int rest = LittleEndian.readInt(from, points + 4);
      float subScale = scale * (0.5f + (rest >>> 28)) * 0.25f;
      for (int k = 0; k < 4; k++) {
        decodeGroup(
            Points.CODEBOOK,
            from[points + k] & 0xFF,
            withEighth(rest >> 7 * k & 127),
            subScale,
            to,
            toAt + 32 * j + 8 * k);
      }
    }
  }

  @Override
  float sigma2(float sumOfSquares) {
    return sumOfSquares / SIZE;
  }

  /** {@code quantize_row_iq2_xxs_impl}, which starts from a scale for levels 0 to 4. */
  @Override
  boolean search(PointSearch search, float largest) {
    float scale = SuperBlock.searchPositive(search.x, search.w, 0, 4, search.levels);
    float reach = scale * 3;
    if (reach <= 0) {
      return false;
    }
    search(search, scale, reach);
    return true;
  }

  @Override
  void packPoints(PointSearch search, int j, int place, byte[] to, int at) {
    int rest = 0;
    for (int k = 0; k < 4; k++) {
      to[at + GROUPS + 8 * j + k] = (byte) neighbours().index(search.points[k]);
      rest |= (search.signs[k] & 127) << 7 * k;
    }
    LittleEndian.putInt(to, at + GROUPS + 8 * j + 4, rest);
  }

  @Override
  void packScale(int bits, int j, byte[] to, int at) {
    to[at + GROUPS + 8 * j + 7] |= (byte) (bits << 4);
  }

  @Override
  void packScale(float scale, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
  }
}
