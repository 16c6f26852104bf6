package dev.phial.quant;

/**
 * The numbers that a block of a format can hold, {@code scale · point + offset} for each of its
 * groups, for methods that choose points, scales and offsets themselves. Scales and minima of some
 * formats have two levels: a whole number for each group, times a number for the block.
 *
 * @param blockSize elements of a block
 * @param groupSize elements that share scale and offset
 * @param scaleType of the numbers of a block
 * @param signedScales whether scales may be negative
 * @param pairLimit what the magnitudes of two neighbours (0 and 1, 2 and 3 …) of one sign may add
 *     up to; 0 if that does not matter
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
    boolean signedScales,
    int pairLimit,
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
    boolean signed = offset == Offset.NONE && scaleType.isSigned();
    return new Grid(size, size, points, offset, scaleType, signed, 0, 0, 0);
  }

  /** A grid of two levels. */
  static Grid of(
      int size, int groupSize, Points points, Offset offset, int leastScale, int mostScale) {
    boolean signed = offset == Offset.NONE;
    return new Grid(
        size, groupSize, points, offset, ScaleType.F16, signed, 0, leastScale, mostScale);
  }

  /** This grid with positive scales alone, and a limit for pairs. */
  Grid unsigned(int newPairLimit) {
    return new Grid(
        blockSize,
        groupSize,
        points,
        offset,
        scaleType,
        false,
        newPairLimit,
        leastScale,
        mostScale);
  }

  public int groups() {
    return blockSize / groupSize;
  }

  public boolean hasTwoLevels() {
    return mostScale != leastScale;
  }
}
