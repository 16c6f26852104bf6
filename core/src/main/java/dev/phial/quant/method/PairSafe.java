package dev.phial.quant.method;

/**
 * Codes from -127 to 127 around 128, of which two neighbours (0 and 1, 2 and 3 …) never add up to
 * more than 128 above or below: ONNX Runtime's kernels for processors with AVX2 but without VNNI
 * multiply such pairs with unsigned bytes and add the products in 16 bits, which saturate. 255
 * times 128 does not.
 *
 * <p>The scale is the largest sum of two neighbours of one sign, over 127. Half of a code's range,
 * the usual way out, would cost a bit; this costs a small part of one.
 */
public record PairSafe() implements GroupMethod {
  private static final int MOST = 127;
  private static final int ZERO = 128;

  @Override
  public boolean hasZeros() {
    return false;
  }

  @Override
  public boolean hasPositiveScales() {
    return true;
  }

  @Override
  public int pairLimit() {
    return ZERO;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      float scale = (float) (largest(x, start, size) / (double) MOST);
      if (scale < Float.MIN_NORMAL) {
        scale = 1; // a row of zeros; a scale must not be one
      }
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) ZERO;
      byte[] codes = to.codes();
      for (int i = 0; i < size; i++) {
        double code = Math.rint(x[start + i] / scale);
        codes[group * size + i] = (byte) (ZERO + (int) Math.max(-MOST, Math.min(MOST, code)));
      }
    }
  }

  /** The largest sum of neighbours, of their positive or of their negative parts. */
  private static double largest(float[] x, int start, int size) {
    double most = 0;
    for (int i = 0; i < size; i += 2) {
      float left = x[start + i];
      float right = i + 1 < size ? x[start + i + 1] : 0;
      double above = (double) Math.max(0, left) + Math.max(0, right);
      double below = (double) Math.min(0, left) + Math.min(0, right);
      most = Math.max(most, Math.max(above, -below));
    }
    return most;
  }
}
