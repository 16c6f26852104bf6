package dev.phial.quant.method;

import dev.phial.quant.FloatType;
import dev.phial.quant.ScaleType;

/** A way to choose scale, zero point and codes of groups of elements; each group stands alone. */
public interface GroupMethod {
  /**
   * Quantizes {@code groups} groups of {@code size} elements that start at {@code x[from]}.
   *
   * @param to receives them from 0
   */
  void quantize(float[] x, int from, int groups, int size, GroupCodes to);

  /** Whether there are zero points to store; otherwise each is the middle code. */
  boolean hasZeros();

  /** Whether who reads the scales wants them positive. */
  default boolean hasPositiveScales() {
    return false;
  }

  /** The numbers that scales may be, of those that {@code stored} holds. */
  default ScaleType scales(FloatType stored) {
    return ScaleType.of(stored);
  }

  /** Whether who reads the scales takes this one. */
  default boolean takes(float scale) {
    return true;
  }

  /** The smallest code around zero of so many bits. */
  default int least(int bits) {
    return -(1 << bits - 1);
  }

  /** What the magnitudes of two neighbours of one sign may add up to; 0 if that does not matter. */
  default int pairLimit() {
    return 0;
  }
}
