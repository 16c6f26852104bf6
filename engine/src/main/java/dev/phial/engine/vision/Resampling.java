package dev.phial.engine.vision;

/**
 * Which elements of a row make up each of another row's, and with what weights: one direction of
 * resizing.
 */
final class Resampling {
  /** Of torch's bicubic interpolation. */
  private static final double CUBIC = -0.75;

  private static final int CUBIC_TAPS = 4;

  /** Pillow's: bits after the point of the weights of pixels of eight bits. */
  private static final int PRECISION = 22;

  private final int[][] places;
  private final double[][] weights;
  private final int[][] fixed; // the weights times 2^PRECISION

  private Resampling(int to) {
    this.places = new int[to][];
    this.weights = new double[to][];
    this.fixed = new int[to][];
  }

  /** Bilinear with as many elements as there are; Pillow's, and torch's with antialias. */
  static Resampling triangle(int from, int to) {
    Resampling result = new Resampling(to);
    double scale = (double) from / to;
    double support = Math.max(1, scale);
    for (int i = 0; i < to; i++) {
      double center = (i + 0.5) * scale;
      int first = Math.max(0, (int) (center - support + 0.5));
      int end = Math.min(from, (int) (center + support + 0.5));
      int[] places = new int[end - first];
      double[] weights = new double[end - first];
      double sum = 0;
      for (int j = 0; j < places.length; j++) {
        places[j] = first + j;
        weights[j] = Math.max(0, 1 - Math.abs((first + j - center + 0.5) / support));
        sum += weights[j];
      }
      int[] fixed = new int[end - first];
      for (int j = 0; j < places.length; j++) {
        weights[j] /= sum;
        fixed[j] = (int) (weights[j] * (1 << PRECISION) + 0.5);
      }
      result.places[i] = places;
      result.weights[i] = weights;
      result.fixed[i] = fixed;
    }
    return result;
  }

  /** Bicubic of four elements, however many there are: torch's without antialias. */
  static Resampling cubic(int from, int to) {
    Resampling result = new Resampling(to);
    for (int i = 0; i < to; i++) {
      double center = (i + 0.5) * from / to - 0.5;
      int before = (int) Math.floor(center);
      result.places[i] = new int[CUBIC_TAPS];
      result.weights[i] = new double[CUBIC_TAPS];
      for (int j = 0; j < CUBIC_TAPS; j++) {
        int place = before - 1 + j;
        result.places[i][j] = Math.clamp(place, 0, from - 1);
        result.weights[i][j] = cubic(Math.abs(center - place));
      }
    }
    return result;
  }

  private static double cubic(double x) {
    return x <= 1
        ? ((CUBIC + 2) * x - (CUBIC + 3)) * x * x + 1
        : ((CUBIC * x - 5 * CUBIC) * x + 8 * CUBIC) * x - 4 * CUBIC;
  }

  int size() {
    return places.length;
  }

  /**
   * One pixel of the result, of {@link #triangle}.
   *
   * @param at of the row's first pixel
   * @param step to its next
   */
  byte sum(int to, byte[] pixels, int at, int step) {
    int[] from = places[to];
    int[] by = fixed[to];
    long sum = 1L << PRECISION - 1;
    for (int i = 0; i < from.length; i++) {
      sum += (long) by[i] * (pixels[at + from[i] * step] & 0xFF);
    }
    return (byte) Math.clamp(sum >> PRECISION, 0, 255);
  }

  /**
   * Resizes a field of numbers.
   *
   * @param x {@code [height][width][depth]}
   * @return {@code [down.size][across.size][depth]}
   */
  static float[] apply(
      Resampling down, Resampling across, float[] x, int height, int width, int depth) {
    float[] wide = new float[height * across.size() * depth];
    for (int y = 0; y < height; y++) {
      for (int i = 0; i < across.size(); i++) {
        across.add(i, x, y * width * depth, depth, wide, (y * across.size() + i) * depth);
      }
    }
    int line = across.size() * depth;
    float[] result = new float[down.size() * line];
    for (int i = 0; i < down.size(); i++) {
      down.add(i, wide, 0, line, result, i * line);
    }
    return result;
  }

  private void add(int to, float[] x, int at, int step, float[] y, int yAt) {
    for (int j = 0; j < places[to].length; j++) {
      float weight = (float) weights[to][j];
      int from = at + places[to][j] * step;
      for (int i = 0; i < step; i++) {
        y[yAt + i] += weight * x[from + i];
      }
    }
  }
}
