package dev.phial.kernel;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;

/**
 * Adds up the lanes of a vector in an order that is always the same: {@code reduceLanes} adds in
 * another once it is compiled.
 */
final class Sums {
  private static final VectorSpecies<Float> F = VectorConstants.FLOAT;
  private static final int WIDTH = F.length();
  private static final VectorShuffle<Float> BY_8 = by(8);
  private static final VectorShuffle<Float> BY_4 = by(4);
  private static final VectorShuffle<Float> BY_2 = by(2);

  private static final VectorShuffle<Float> EIGHT_BY_4 =
      VectorShuffle.iota(FloatVector.SPECIES_256, 4, 1, true);
  private static final VectorShuffle<Float> EIGHT_BY_2 =
      VectorShuffle.iota(FloatVector.SPECIES_256, 2, 1, true);

  private Sums() {}

  private static VectorShuffle<Float> by(int lanes) {
    return VectorShuffle.iota(F, lanes % WIDTH, 1, true);
  }

  /** Halves first: lanes {@code i} and {@code i + 8}, then {@code i + 4}, and so on. */
  static float of(FloatVector v) {
    FloatVector sum = v;
    if (WIDTH == 16) {
      sum = sum.add(sum.rearrange(BY_8));
    }
    if (WIDTH >= 8) {
      sum = sum.add(sum.rearrange(BY_4));
    }
    sum = sum.add(sum.rearrange(BY_2));
    return sum.lane(0) + sum.lane(1);
  }

  /** Of a vector of eight lanes, however wide the registers are. */
  static float ofEight(FloatVector v) {
    FloatVector sum = v.add(v.rearrange(EIGHT_BY_4));
    sum = sum.add(sum.rearrange(EIGHT_BY_2));
    return sum.lane(0) + sum.lane(1);
  }
}
