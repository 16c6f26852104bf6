package dev.phial.quant;

/**
 * The numbers that a block of a format can hold, {@code scale · point + offset} for each of its
 * groups, for methods that choose points, scales and offsets themselves. Scales and minima of some
 * formats have two levels: a whole number for each group, times a number for the block.
 *
 * @param blockSize elements of a block
 * @param groupSize elements that share scale and offset
 * @param scaleType of the numbers of a block
 * @param leastScale the smallest whole number of a group's scale; 0 as {@code mostScale} if scales
 *     have one level
 * @param mostScale the largest; that of minima too
 */
public record Grid(
    int blockSize,
    int groupSize,
    Points points,
    Offset offset,
    ScaleType scaleType,
    int leastScale,
    int mostScale) {
  /** What is added to scaled points. */
  public enum Offset {
    /** Nothing. */
    NONE,
    /** A number of the type of the scales. */
    NUMBER,
    /** {@code -minimum · m} with a whole number {@code 0 ≤ m ≤ mostScale}. */
    MINIMUM,
    /** {@code -scale · zero} with a point {@code zero}. */
    ZERO_POINT
  }

  /** A grid of one level, whose blocks are groups. */
  public static Grid of(int size, Points points, Offset offset, ScaleType scaleType) {
    return new Grid(size, size, points, offset, scaleType, 0, 0);
  }

  public int groups() {
    return blockSize / groupSize;
  }

  public boolean hasTwoLevels() {
    return mostScale != leastScale;
  }
}
