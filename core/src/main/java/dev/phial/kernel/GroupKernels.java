package dev.phial.kernel;

/**
 * The loops of the quant types of MLX and ONNX Runtime, over the neighbours in a row that share a
 * scale. {@link ScalarGroupKernels} defines each of them; {@link VectorGroupKernels} may only be
 * faster.
 */
public sealed interface GroupKernels permits ScalarGroupKernels, VectorGroupKernels {
  /** The fastest kernels this JVM can run. */
  static GroupKernels best() {
    return KernelProvider.BEST_FOR_GROUPS;
  }

  /** The smallest of the first {@code n} elements. */
  float smallest(float[] x, int n);

  /** The largest of the first {@code n} elements. */
  float largest(float[] x, int n);

  /** The smallest of {@code n} elements from {@code x[from]}; of zeros, either. */
  float smallest(float[] x, int from, int n);

  /** The largest of {@code n} elements from {@code x[from]}; of zeros, either. */
  float largest(float[] x, int from, int n);

  /**
   * {@code codes = clamp(round(x · inverse + zero), 0, most)} of {@code n} elements, ties away from
   * zero.
   *
   * @param last round first and then add the zero point
   */
  void levels(
      float[] x,
      int from,
      int n,
      float inverse,
      int zero,
      int most,
      boolean last,
      byte[] codes,
      int at);

  /**
   * {@code codes = clamp(round((x - bias) / scale), 0, most)} of the first {@code n} elements, ties
   * to even. The quotients of numbers between the bias and {@code bias + most · scale} are meant;
   * they fit an int.
   */
  void affine(float[] x, int n, float scale, float bias, int most, int[] codes);

  /** {@link SmallFloats#e2m1} of the first {@code n} elements. */
  void e2m1(float[] x, int n, int[] codes);

  /** {@link SmallFloats#e4m3} of the first {@code n} elements. */
  void e4m3(float[] x, int n, int[] codes);
}
