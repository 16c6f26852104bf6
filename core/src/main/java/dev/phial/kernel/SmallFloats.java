package dev.phial.kernel;

/** Rounding to the small floating-point numbers of the Open Compute Project. */
public final class SmallFloats {
  /** Halfway between the neighbours 0, 0.5, 1, 1.5, 2, 3, 4, 6. */
  static final float[] E2M1_MIDPOINTS = {0.25f, 0.75f, 1.25f, 1.75f, 2.5f, 3.5f, 5};

  /** The smallest normal number of E4M3; below it the steps are equal. */
  static final int E4M3_NORMAL = Float.floatToRawIntBits(0x1p-6f);

  static final int E4M3_LARGEST = Float.floatToRawIntBits(448);

  /** From a single's mantissa of 23 bits to 3. */
  static final int E4M3_SHIFT = 20;

  /**
   * From a single's exponent, which counts from 127, to one that counts from 7; and one less than
   * half of what the shift drops: with the lowest bit that is kept, it rounds ties to even.
   */
  static final int E4M3_REBIAS = -(127 - 7 << 23) + (1 << E4M3_SHIFT - 1) - 1;

  /** A number whose last place is the step below the normal numbers, two to the power of -9. */
  static final float E4M3_MAGIC = 0x1p14f;

  static final int E4M3_MAGIC_BITS = Float.floatToRawIntBits(E4M3_MAGIC);

  private SmallFloats() {}

  /** Rounds away the lowest bits of the mantissa, ties to even. */
  static float round(float x, int drop) {
    if (drop == 0) {
      return x;
    }
    int bits = Float.floatToRawIntBits(x);
    int rounded = bits + (1 << drop - 1) - 1 + (bits >>> drop & 1);
    return Float.intBitsToFloat(rounded & -1 << drop);
  }

  /**
   * The nearest number of four bits, E2M1, with the sign in the highest: of two equally near the
   * smaller in magnitude, and a zero without sign. So does {@code argmin} over a table, which is
   * how {@code mlx.core.quantize} looks for it on a CPU.
   */
  public static int e2m1(float x) {
    float magnitude = Math.abs(x);
    int code = 0;
    for (float midpoint : E2M1_MIDPOINTS) {
      code += magnitude > midpoint ? 1 : 0;
    }
    return x < 0 && code != 0 ? code | 8 : code;
  }

  /**
   * The nearest number of eight bits, E4M3 without infinities: ties to even, and the largest number
   * for all that are larger.
   */
  public static int e4m3(float x) {
    int bits = Float.floatToRawIntBits(x);
    int magnitude = bits & 0x7FFF_FFFF;
    int code;
    if (magnitude >= E4M3_LARGEST) {
      code = 0x7E;
    } else if (magnitude >= E4M3_NORMAL) {
      code = magnitude + E4M3_REBIAS + (magnitude >> E4M3_SHIFT & 1) >> E4M3_SHIFT;
    } else {
      code =
          Float.floatToRawIntBits(Float.intBitsToFloat(magnitude) + E4M3_MAGIC) - E4M3_MAGIC_BITS;
    }
    return code | bits >>> 24 & 0x80;
  }
}
