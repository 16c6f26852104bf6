package dev.phial.quant;

/** What small floating-point numbers share scales, and how these are chosen and stored. */
public interface FloatScales {
  /** What a type with such scales is called, before the size of its groups. */
  String label();

  GroupFloat.Values numbers();

  ScaleType type();

  /** The scale of a group whose largest magnitude this is, as codes are chosen for it. */
  float choose(float magnitude);

  /** Whether the reference multiplies by the reciprocal of a scale, and does not divide by it. */
  default boolean multiplies() {
    return false;
  }

  /** Bits of a quotient's mantissa that the reference rounds away before it chooses a code. */
  default int droppedBits() {
    return 0;
  }
}
