package dev.phial.kernel;

/** The conversions of ggml and of x86 that Java's own do not match. */
public final class Rounding {
  /** 1.5 · 2²³: adding it leaves the nearest integer, ties to even, in the low mantissa bits. */
  static final float MAGIC = 12582912f;

  private Rounding() {}

  /** The nearest whole number, ties to even; meant for |x| below 2²². */
  public static float even(float x) {
    return x + MAGIC - MAGIC;
  }

  /**
   * ggml's {@code nearest_int}: ties to even; meant for |x| below 2²², and the same nonsense beyond
   * it.
   */
  public static int nearest(float x) {
    return (Float.floatToRawIntBits(x + MAGIC) & 0x007FFFFF) - 0x00400000;
  }

  /**
   * C's conversion of a float to int as x86 does it: toward zero, and the smallest int for what
   * does not fit.
   */
  public static int truncate(float x) {
    return x >= -0x1p31f && x < 0x1p31f ? (int) x : Integer.MIN_VALUE;
  }

  /** C's {@code roundf} followed by the conversion to int: ties away from zero. */
  public static int round(float x) {
    int whole = truncate(x);
    if (whole == Integer.MIN_VALUE) {
      return whole;
    }
    float rest = x - whole;
    return rest >= 0.5f ? whole + 1 : rest <= -0.5f ? whole - 1 : whole;
  }

  public static int clamp(int x, int low, int high) {
    return Math.max(low, Math.min(high, x));
  }
}
