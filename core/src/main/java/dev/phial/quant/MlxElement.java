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
    void encode(GroupKernels kernels, float[] x, int[] codes) {
      kernels.e2m1(x, x.length, codes);
    }
  },
  /** Four exponent bits and three of mantissa, up to 448. */
  E4M3(8, 448) {
    @Override
    float decode(int code) {
      return DType.e4m3(code);
    }

    @Override
    void encode(GroupKernels kernels, float[] x, int[] codes) {
      kernels.e4m3(x, x.length, codes);
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

  /** The nearest number of each element. */
  abstract void encode(GroupKernels kernels, float[] x, int[] codes);

  /** Divides by a scale and rounds; a scale of zero stands for zeros. */
  static void divide(float[] x, float scale, FloatType number) {
    if (scale == 0) {
      Arrays.fill(x, 0);
      return;
    }
    for (int i = 0; i < x.length; i++) {
      x[i] /= scale;
    }
    number.round(x, 0, x.length, x);
  }
}
