package dev.phial.kernel;

/**
 * The loops of the quant types of MLX and ONNX Runtime, over the neighbours in a row that share a
 * scale. {@link ScalarGroupKernels} defines each of them; {@link VectorGroupKernels} may only be
 * faster. Codes without a place of their own are written from 0, and up to {@link #ROOM} bytes
 * after the last may be overwritten.
 */
public sealed interface GroupKernels permits ScalarGroupKernels, VectorGroupKernels {
  /** What an array of codes must have beyond them. */
  int ROOM = 4;

  /** The fastest kernels this JVM can run. */
  static GroupKernels best() {
    return KernelProvider.BEST_FOR_GROUPS;
  }

  /**
   * The smallest and the largest of {@code n} elements from {@code x[from]}, however many.
   *
   * @param range receives the two
   */
  void range(float[] x, int from, int n, float[] range);

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
   * {@code codes = clamp(round((x - bias) / scale), 0, most)} of {@code n} elements, ties to even.
   * Meant for quotients below 2²² in magnitude.
   */
  void affine(float[] x, int from, int n, float scale, float bias, int most, byte[] codes);

  /**
   * {@link SmallFloats#e2m1} of the quotients of {@code n} elements and {@code divisor}.
   *
   * @param drop bits of the quotient's mantissa that are rounded away first
   */
  void e2m1(float[] x, int from, int n, float divisor, int drop, byte[] codes);

  /**
   * How many of ascending {@code limits} the quotients of {@code n} elements, however many, and
   * {@code divisor} exceed.
   *
   * @param signed count for magnitudes, and put the sign above three bits
   */
  void steps(
      float[] x, int from, int n, float divisor, float[] limits, boolean signed, byte[] codes);

  /**
   * {@code codes = clamp(round(x / divisor + zero), low, high) + shift} of {@code n} elements,
   * however many, ties to even.
   */
  void quotients(
      float[] x,
      int from,
      int n,
      float divisor,
      float zero,
      int low,
      int high,
      int shift,
      byte[] codes,
      int at);

  /** Does what {@link #e2m1} does with {@link SmallFloats#e4m3}. */
  void e4m3(float[] x, int from, int n, float divisor, int drop, byte[] codes);
}
