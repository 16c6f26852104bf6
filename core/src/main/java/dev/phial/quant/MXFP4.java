package dev.phial.quant;

/**
 * 32 elements: a power of two as a byte (E8M0), then nibbles (E2M1), element i below, element i +
 * 16 above; {@code block_mxfp4}.
 */
final class MXFP4 extends GgmlFormat implements GridFormat {
  private static final int EXPONENT = 0;
  private static final int NIBBLES = 1;

  /** Twice the magnitudes of E2M1, so that they are whole; {@link #halfScale} makes up for it. */
  private static final float[] DOUBLED = {0, 1, 2, 3, 4, 6, 8, 12};

  /** A scale is half of what the exponent says. */
  private static final Grid GRID =
      Grid.of(
          32,
          Points.table(0, 1, 2, 3, 4, 6, 8, 12, 0, -1, -2, -3, -4, -6, -8, -12),
          Grid.Offset.NONE,
          ScaleType.E8M0);

  MXFP4() {
    super("MXFP4", 39, 32, 17);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = halfScale(from[at + EXPONENT] & 0xFF);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to[toAt + i] = value(pair & 0xF) * scale;
      to[toAt + 16 + i] = value(pair >> 4 & 0xF) * scale;
    }
  }

  /** Both zeros are plus, as in the table of ggml. */
  private static float value(int nibble) {
    return nibble > 8 ? -DOUBLED[nibble - 8] : DOUBLED[nibble & 7];
  }

  /** {@code quantize_row_mxfp4_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    float magnitude = 0;
    for (int i = 0; i < 32; i++) {
      magnitude = Math.max(magnitude, Math.abs(x[from + i]));
    }
    int exponent = magnitude > 0 ? floorLog2(magnitude) - 2 + 127 & 0xFF : 0;
    float scale = halfScale(exponent);
    to[at + EXPONENT] = (byte) exponent;
    for (int i = 0; i < 16; i++) {
      to[at + NIBBLES + i] =
          (byte) (nearest(x[from + i], scale) | nearest(x[from + 16 + i], scale) << 4);
    }
  }

  /**
   * C's {@code floorf(log2f(x))}. It is one too large where x is so little below a power of two
   * that the logarithm rounds to a whole float, and the bytes depend on it. {@code log2f} errs by
   * less than one unit in the last place, and no float has a logarithm close to the middle between
   * a whole number and the float below, so rounding a double gives the same whole numbers.
   */
  private static int floorLog2(float x) {
    return (int) Math.floor((float) (Math.log(x) / Math.log(2)));
  }

  /** Half of two to the power of {@code exponent - 127}, which is subnormal for the first two. */
  private static float halfScale(int exponent) {
    return Float.intBitsToFloat(exponent < 2 ? 0x0020_0000 << exponent : exponent - 1 << 23);
  }

  /**
   * {@code best_index_mxfp4}: the nibble of the nearest value, the first of several. A value of the
   * other sign is never nearer than zero.
   */
  private static int nearest(float x, float scale) {
    float magnitude = Math.abs(x);
    int best = 0;
    float least = magnitude;
    for (int i = 1; i < 8; i++) {
      float error = Math.abs(DOUBLED[i] * scale - magnitude);
      if (error < least) {
        least = error;
        best = i;
      }
    }
    return best != 0 && x < 0 ? best | 8 : best;
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    to[at + EXPONENT] = (byte) (Math.getExponent(block.scale) + 128);
    BlockOf32.packNibbles(block, 0, to, at + NIBBLES);
  }
}
