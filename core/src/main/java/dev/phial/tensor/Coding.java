package dev.phial.tensor;

/**
 * How a quantized tensor is made of integers, whatever its format: neighbours in a row form a
 * group, {@code value = scale · code + offset}, and what formats differ in, where the middle lies
 * and how the offset is spelled, becomes a matter of ranges.
 *
 * @param groupSize elements of a group
 * @param least the smallest code there may be
 * @param most the largest
 */
public record Coding(int groupSize, int least, int most, Offset offset) {
  /** What offsets can be. */
  public enum Offset {
    /** There are none: codes lie around zero. */
    NONE,
    /** {@code -scale · zero}, with a zero point that is a code. */
    ZERO_POINT,
    /** A number of its own for each group. */
    NUMBER
  }

  /** This coding with groups cut into smaller ones, which share what they had. */
  public Coding regrouped(int size) {
    if (groupSize % size != 0) {
      throw new IllegalArgumentException(size + " does not divide " + groupSize);
    }
    return new Coding(size, least, most, offset);
  }

  /** Bits that its codes need. */
  public int bits() {
    return Integer.SIZE - Integer.numberOfLeadingZeros(most - least);
  }
}
