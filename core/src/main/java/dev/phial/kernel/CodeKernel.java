package dev.phial.kernel;

import java.util.Optional;

/**
 * The loops over integer codes whose scales lie apart from them, neighbours side by side. A code is
 * an unsigned number; a weight is {@code scale · code + addend} with the scale and the addend of
 * its group. Products agree with plain sums up to the order.
 */
public interface CodeKernel {
  /** Whether groups of {@code size} neighbours fill whole registers. */
  boolean takes(int size);

  /**
   * Decodes {@code count} codes.
   *
   * @param least what a code of zero stands for
   * @param to receives them from {@code at}
   */
  void decode(byte[] codes, int from, int count, int least, float[] to, int at);

  /**
   * The vector in the order in which {@link #multiply} reads it.
   *
   * @param x {@code [columns]} from {@code at}
   */
  float[] arrange(float[] x, int at, int columns);

  /** The sums of every {@code size} elements of a vector. */
  static float[] sums(float[] x, int at, int columns, int size) {
    return Lanes.sums(x, at, columns, size);
  }

  /**
   * Multiplies a vector with one row.
   *
   * @param codes from byte {@code from}
   * @param size of a group
   * @param scales one for each group
   * @param addends the same
   * @param x arranged
   * @param sums of {@code x} over each group
   */
  float multiply(
      byte[] codes, int from, int size, float[] scales, float[] addends, float[] x, float[] sums);

  /**
   * The loops for codes of so many bits, if there are any. Of two nibbles the even one is below.
   *
   * @param signed whether codes are two's complement, and unsigned when their first bit is turned
   */
  static Optional<CodeKernel> of(int bits, boolean signed) {
    if (!KernelProvider.hasLanes()) {
      return Optional.empty();
    }
    return switch (bits) {
      case 4 -> Optional.of(new Codes.Nibbles(signed ? 0x88 : 0));
      case 8 -> Optional.of(new Codes.Bytes(signed ? 0x80 : 0));
      default -> Optional.empty();
    };
  }
}
