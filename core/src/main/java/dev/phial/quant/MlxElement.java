package dev.phial.quant;

import dev.phial.kernel.GroupKernels;
import dev.phial.tensor.DType;
import java.util.Arrays;

/** The small floating-point numbers of the Open Compute Project that MLX builds on. */
enum MlxElement {
  /** Two exponent bits and one of mantissa: 0, 0.5, 1, 1.5, 2, 3, 4, 6 and their negatives. */
  E2M1(4, 6) {
    @Override
    float decode(int code) {
      return (code & 8) == 0 ? MAGNITUDES[code] : -MAGNITUDES[code & 7];
    }

    @Override
    void encodeNonzero(
        GroupKernels kernels, float[] x, int at, int n, float scale, int drop, byte[] codes) {
      kernels.e2m1(x, at, n, scale, drop, codes);
    }
  },
  /** Four exponent bits and three of mantissa, up to 448. */
  E4M3(8, 448) {
    @Override
    float decode(int code) {
      return DType.e4m3(code);
    }

    @Override
    void encodeNonzero(
        GroupKernels kernels, float[] x, int at, int n, float scale, int drop, byte[] codes) {
      kernels.e4m3(x, at, n, scale, drop, codes);
    }
  };

  private static final float[] MAGNITUDES = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6};

  private final int bits;
  private final float largest;

  MlxElement(int bits, float largest) {
    this.bits = bits;
    this.largest = largest;
  }

  int bits() {
    return bits;
  }

  float largest() {
    return largest;
  }

  abstract float decode(int code);

  abstract void encodeNonzero(
      GroupKernels kernels, float[] x, int at, int n, float scale, int drop, byte[] codes);

  /**
   * The nearest number to each of {@code n} elements divided by {@code scale}; a scale of zero
   * stands for zeros.
   *
   * @param type what quotients are rounded to first
   */
  final void encode(
      GroupKernels kernels, float[] x, int at, int n, float scale, FloatType type, byte[] codes) {
    if (scale == 0) {
      Arrays.fill(codes, (byte) 0);
    } else {
      encodeNonzero(kernels, x, at, n, scale, type.droppedBits(), codes);
    }
  }
}
