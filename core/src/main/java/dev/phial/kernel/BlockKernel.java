package dev.phial.kernel;

import java.util.Optional;

/**
 * The loops that read one encoding fast. What they compute is what decoding the blocks and plain
 * sums would, up to the order of the sums; an encoding without such loops is decoded row by row.
 *
 * <p>They read arrays, into which a few rows at a time are copied. That takes no longer than
 * reading a file in place, where every block waits for its lines of memory, and a file that shrinks
 * while vectors are loaded from it would end the JVM.
 */
public interface BlockKernel {
  float[] NO_SUMS = {};

  /**
   * Decodes {@code count} elements, whole blocks, from byte {@code offset} on.
   *
   * @param to receives them from {@code at}
   */
  void decode(byte[] from, int offset, float[] to, int at, int count);

  /**
   * Sums of parts of a vector, which {@link #multiply} needs for levels that do not start at zero.
   */
  default float[] sums(float[] x, int at, int columns) {
    return NO_SUMS;
  }

  /**
   * Multiplies a vector with rows, decoding on the way.
   *
   * @param matrix {@code [rows][columns]} from byte {@code offset}
   * @param x {@code [columns]} from {@code at}
   * @param sums of {@code x}
   * @param y receives {@code rows} sums from {@code yAt}
   */
  void multiply(
      byte[] matrix,
      int offset,
      int rows,
      int columns,
      float[] x,
      int at,
      float[] sums,
      float[] y,
      int yAt);

  static Optional<BlockKernel> f32() {
    return KernelProvider.hasLanes() ? Optional.of(new PlainBlocks.F32()) : Optional.empty();
  }

  static Optional<BlockKernel> f16() {
    return KernelProvider.hasLanes() ? Optional.of(new PlainBlocks.F16()) : Optional.empty();
  }

  static Optional<BlockKernel> bf16() {
    return KernelProvider.hasLanes() ? Optional.of(new PlainBlocks.BF16()) : Optional.empty();
  }

  static Optional<BlockKernel> q8_0() {
    return KernelProvider.hasLanes() ? Optional.of(new Blocks32.Q8_0()) : Optional.empty();
  }

  static Optional<BlockKernel> q4_0() {
    return KernelProvider.hasLanes() ? Optional.of(new Blocks32.Q4_0()) : Optional.empty();
  }

  static Optional<BlockKernel> q4_K() {
    return KernelProvider.hasLanes() ? Optional.of(new Blocks256.Q4_K()) : Optional.empty();
  }

  static Optional<BlockKernel> q5_K() {
    return KernelProvider.hasLanes() ? Optional.of(new Blocks256.Q5_K()) : Optional.empty();
  }

  static Optional<BlockKernel> q6_K() {
    return KernelProvider.hasLanes() ? Optional.of(new Blocks256.Q6_K()) : Optional.empty();
  }

  static Optional<BlockKernel> q4_1() {
    return KernelProvider.hasLanes()
        ? Optional.of(new DecodedBlocks.Levels32(true, false, 0))
        : Optional.empty();
  }

  static Optional<BlockKernel> q5_0() {
    return KernelProvider.hasLanes()
        ? Optional.of(new DecodedBlocks.Levels32(false, true, -16))
        : Optional.empty();
  }

  static Optional<BlockKernel> q5_1() {
    return KernelProvider.hasLanes()
        ? Optional.of(new DecodedBlocks.Levels32(true, true, 0))
        : Optional.empty();
  }

  static Optional<BlockKernel> q2_K() {
    return KernelProvider.hasLanes() ? Optional.of(new DecodedBlocks.Q2_K()) : Optional.empty();
  }

  static Optional<BlockKernel> q3_K() {
    return KernelProvider.hasLanes() ? Optional.of(new DecodedBlocks.Q3_K()) : Optional.empty();
  }

  /**
   * @param codebook sixteen values
   */
  static Optional<BlockKernel> iq4_NL(byte[] codebook) {
    return KernelProvider.hasLanes()
        ? Optional.of(new DecodedBlocks.IQ4_NL(codebook))
        : Optional.empty();
  }

  /**
   * @param codebook sixteen values
   */
  static Optional<BlockKernel> iq4_XS(byte[] codebook) {
    return KernelProvider.hasLanes()
        ? Optional.of(new DecodedBlocks.IQ4_XS(codebook))
        : Optional.empty();
  }
}
