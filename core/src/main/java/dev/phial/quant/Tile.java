package dev.phial.quant;

import static dev.phial.kernel.Kernels.LANES;

import dev.phial.kernel.Kernels;
import java.util.Arrays;

/**
 * {@link Kernels#LANES} sub-blocks of {@code n} elements side by side, with what a search over them
 * needs and finds.
 */
final class Tile implements Levels {
  final Kernels kernels = Kernels.best();
  final int n;
  final float[] x; // [n][LANES]
  final float[] w; // [n][LANES], weights of the errors
  final int[] levels; // [n][LANES]
  final float[] scale = new float[LANES];
  final float[] min = new float[LANES];
  final float[] sigma2 = new float[LANES];
  private final float[] importance; // [n][LANES]

  Tile(int n) {
    this.n = n;
    x = new float[n * LANES];
    w = new float[n * LANES];
    levels = new int[n * LANES];
    importance = new float[n * LANES];
  }

  /** Loads {@code lanes} sub-blocks from {@code from[at]}; the lanes beyond hold zeros. */
  void load(float[] from, int at, int lanes) {
    if (lanes < LANES) {
      Arrays.fill(x, 0);
      Arrays.fill(importance, 0);
    }
    kernels.gather(from, at, n, 0, lanes, x);
  }

  /** Loads the importance of {@code lanes} sub-blocks that start at column {@code column}. */
  void loadImportance(float[] from, int column, int firstLane, int lanes) {
    kernels.gather(from, column, n, firstLane, lanes, importance);
  }

  /** The importance itself. */
  void weighByImportance() {
    System.arraycopy(importance, 0, w, 0, w.length);
  }

  /** {@code w = importance · √(sigma2 + x²)}. */
  void weighByImportanceAndSize() {
    kernels.importanceWeights(x, importance, sigma2, n, w);
  }

  /** Makes {@code lanes} sub-blocks zero, which {@link Kernels#quantize} then leaves alone. */
  void clear(int firstLane, int lanes) {
    Arrays.fill(scale, firstLane, firstLane + lanes, 0);
    for (int i = 0; i < n; i++) {
      Arrays.fill(levels, i * LANES + firstLane, i * LANES + firstLane + lanes, 0);
    }
  }

  @Override
  public int level(int lane, int i) {
    return levels[i * LANES + lane];
  }

  /** The mean square of {@code x[from..from+count)}, summed in order. */
  static float sumOfSquares(float[] x, int from, int count) {
    float sum = 0;
    for (int i = from; i < from + count; i++) {
      sum += x[i] * x[i];
    }
    return sum;
  }
}
