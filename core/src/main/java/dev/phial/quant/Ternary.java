package dev.phial.quant;

import dev.phial.kernel.Rounding;

/** TQ1_0 and TQ2_0: 256 elements of -1, 0 or 1 times the largest magnitude. */
abstract class Ternary extends GgmlFormat implements GridFormat {
  static final int SIZE = 256;

  private static final Grid GRID =
      Grid.of(SIZE, Points.integers(-1, 1), Grid.Offset.NONE, ScaleType.F16);

  Ternary(String name, int id, int blockBytes) {
    super(name, id, SIZE, blockBytes);
  }

  static float largestMagnitude(float[] x, int from) {
    float largest = 0;
    for (int i = from; i < from + SIZE; i++) {
      largest = Math.max(largest, Math.abs(x[i]));
    }
    return largest;
  }

  static float inverse(float scale) {
    return scale != 0 ? 1 / scale : 0;
  }

  /**
   * C's {@code lroundf(scaled) + 1}, as an int. Where the scale is so small that its inverse is
   * infinite, {@code lroundf} gives the smallest long, whose low half is 0.
   */
  static int level(float scaled) {
    return Float.isFinite(scaled) ? Rounding.round(scaled) + 1 : 1;
  }

  @Override
  public final Grid grid() {
    return GRID;
  }
}
