package dev.phial.quant;

/**
 * The best way found so far to split the ordered elements of a sub-block into three levels, sums
 * over the elements before each place, with which any split is judged at once.
 */
final class Split {
  boolean found;
  int first; // elements before have level 0
  int second; // elements from here have level 2
  int down; // as in OneBit.Search
  float scale;
  private float best;

  void reset() {
    found = false;
    best = -Float.MAX_VALUE;
  }

  /**
   * Considers a split.
   *
   * @param qx {@code Σ w·q·x}
   * @param q2 {@code Σ w·q²}
   */
  void consider(float qx, float q2, int newFirst, int newSecond, int newDown) {
    if (q2 > 0 && qx * qx > best * q2) {
      scale = qx / q2;
      best = scale * qx;
      first = newFirst;
      second = newSecond;
      down = newDown;
      found = true;
    }
  }
}
