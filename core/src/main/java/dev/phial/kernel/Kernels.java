package dev.phial.kernel;

/**
 * The loops that decide how fast Phial is. {@link ScalarKernels} defines each of them in plain
 * Java; {@link VectorKernels} may only be faster.
 *
 * <p>The quantizers work on <em>tiles</em>: {@link #LANES} sub-blocks of {@code n} elements side by
 * side, element {@code i} of sub-block {@code lane} at {@code i * LANES + lane}. A vector register
 * then holds the same element of many sub-blocks, each lane runs the reference's scalar sequence,
 * no sum is reassociated and nothing is fused, and the bytes come out equal to those of ggml
 * however wide the register is.
 */
public sealed interface Kernels permits ScalarKernels, VectorKernels {
  /** Sub-blocks in a tile. */
  int LANES = 32;

  /** The fastest kernels this JVM can run. */
  static Kernels best() {
    return KernelProvider.BEST;
  }

  /** Which kernels these are, for the summary of a run: {@code scalar}, {@code vector 512 bit}. */
  String describe();

  /** Index of the first NaN or infinity in {@code x[from..to)}, or -1. */
  int firstNonFinite(float[] x, int from, int to);

  /**
   * The element of largest magnitude among {@code n} from {@code x[from]}, the first of several; 0
   * if all are.
   */
  float extreme(float[] x, int from, int n);

  /** The smallest of 32 elements from {@code x[from]}, the first of -0 and 0. */
  float smallest32(float[] x, int from);

  /** The largest of 32 elements from {@code x[from]}, the first of -0 and 0. */
  float largest32(float[] x, int from);

  /**
   * {@code levels = round(x · inverse)} of 32 elements, ties away from zero as C's {@code roundf},
   * a byte each.
   */
  void roundAway32(float[] x, int from, float inverse, byte[] to, int at);

  /**
   * {@code levels = min(most, truncate((x - min) · inverse + bias))} of 32 elements; writes sixteen
   * bytes, the low four bits of element i below those of element i + 16.
   *
   * @return the fifth bits, element i at bit i
   */
  int truncate32(
      float[] x, int from, float min, float inverse, float bias, int most, byte[] to, int at);

  /**
   * The upper halves of {@code n} numbers, rounded to nearest even: ggml's {@code
   * ggml_compute_fp32_to_bf16}.
   */
  void roundToBfloat16(float[] x, int from, int n, short[] bits);

  /**
   * Lays {@code lanes} consecutive sub-blocks of {@code n} elements, from {@code x[at]}, into the
   * tile's lanes from {@code firstLane}; the tile's other lanes keep what they hold.
   */
  void gather(float[] x, int at, int n, int firstLane, int lanes, float[] tile);

  /** {@code w = |x|}. */
  void magnitudes(float[] x, int n, float[] w);

  /** {@code w = x²}. */
  void squares(float[] x, int n, float[] w);

  /** {@code w = √(Σx²/n) + |x|}, the sum over the lane. */
  void meanPlusMagnitudes(float[] x, int n, float[] w);

  /** {@code w = importance · √(sigma2 + x²)}. */
  void importanceWeights(float[] x, float[] importance, float[] sigma2, int n, float[] w);

  /** The sum of each lane, in order. */
  void sums(float[] x, int n, float[] sums);

  /**
   * For each lane, the scale and minimum that make {@code scale · level - min} with levels {@code
   * 0..max} least wrong: ggml's {@code make_qkx2_quants} and {@code make_qkx3_quants}.
   *
   * @param steps one less than the number of inverse scales tried, {@code (first + delta · step +
   *     max) / range}
   * @param absolute weigh absolute rather than squared errors
   * @param min receives the negated minimum, as ggml stores it
   */
  void searchScaleMin(
      float[] x,
      float[] w,
      int n,
      int max,
      float first,
      float delta,
      int steps,
      boolean absolute,
      float[] scale,
      float[] min,
      int[] levels);

  /**
   * For each lane, the scale that makes {@code scale · level} with levels {@code -max..max-1} least
   * wrong: ggml's {@code make_qx_quants} with explicit weights.
   *
   * @param levels receives level + max, and 0 for a lane of zeros
   */
  void searchScale(float[] x, float[] w, int n, int max, float[] scale, int[] levels);

  /**
   * Finds scales by coordinate descent on the levels, weighing by x²: ggml's {@code
   * make_q3_quants}.
   *
   * @param levels receives level + max, and 0 for a lane of zeros
   */
  void descendScale(float[] x, int n, int max, float[] scale, int[] levels);

  /**
   * For each lane, the scale that makes {@code scale · codebook[level]} least wrong, as ggml's
   * {@code quantize_row_iq4_nl_impl} looks for it; 0 for a lane of zeros.
   *
   * @param codebook sixteen ascending values
   * @param tries inverse scales tried to each side of the first
   */
  void searchCodebookScale(float[] x, float[] w, int n, byte[] codebook, int tries, float[] scale);

  /** {@code levels = nearest(x · inverse)} in the codebook. */
  void nearestInCodebook(float[] x, float[] inverse, int n, byte[] codebook, int[] levels);

  /**
   * {@code levels = clamp(round((x + min) / scale), low, high) - low}, in the lanes whose scale is
   * not zero; the others keep theirs.
   */
  void quantize(float[] x, float[] scale, float[] min, int n, int low, int high, int[] levels);
}
