package dev.phial.quant;

import dev.phial.kernel.GroupKernels;
import dev.phial.tensor.DType;
import java.util.List;

/**
 * {@code mxfp4} and {@code mxfp8}: 32 numbers of four bits (E2M1) or eight (E4M3) share a power of
 * two, a byte (E8M0); MLX's {@code fp_quantize}. It is the smallest power that keeps the largest
 * number within range.
 */
final class MlxMx extends MlxFormat {
  private static final int BIAS = 127;

  private final MlxElement element;

  MlxMx(MlxElement element, FloatType number) {
    super(
        "mxfp" + element.bits(),
        "mxfp" + element.bits(),
        element.bits(),
        32,
        number,
        List.of(new Plane(".scales", DType.U8, 1)));
    this.element = element;
  }

  /** Every step is rounded to the type of the weights, as the reference computes in it. */
  @Override
  void encodeGroup(GroupKernels kernels, float[] x, int from, byte[] codes, byte[] to, int at) {
    float[] range = new float[2];
    kernels.range(x, from, blockSize(), range);
    float magnitude = Math.max(-range[0], range[1]);
    int exponent = exponent(number().round(magnitude / element.largest()));
    to[at] = (byte) (exponent + BIAS);
    float scale = number().round(Math.scalb(1f, exponent));
    element.encode(kernels, x, from, blockSize(), scale, number(), codes);
  }

  /**
   * Of the smallest power of two that is not less. The reference lets what is below the smallest
   * byte wrap around, which turns the tiniest numbers into the largest; here it stays the smallest.
   */
  private static int exponent(float ratio) {
    if (ratio == 0) {
      return 0;
    }
    int exponent = Math.getExponent(ratio); // -127 of subnormal numbers
    return ratio > Math.scalb(1f, exponent) ? exponent + 1 : exponent;
  }

  @Override
  float value(int code) {
    return element.decode(code);
  }

  @Override
  public DType scaleType() {
    return DType.F8_E8M0;
  }

  @Override
  public Grid grid() {
    return grid(ScaleType.E8M0);
  }

  @Override
  void layShared(GridBlock block, byte[] to, int at) {
    to[at] = (byte) (Math.getExponent(block.scale) + BIAS);
  }
}
