package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.Rounding;

/**
 * What Q4_K and Q5_K share: eight sub-blocks of 32 with six-bit scales and minima, packed in twelve
 * bytes, under a half scale and a half minimum.
 */
abstract class ScaleMin extends SuperBlock {
  private static final int SCALE = 0;
  private static final int MIN = 2;
  private static final int SCALES = 4;
  static final int LEVELS = 16;

  private final int max;
  private final int maxScale;
  private final Grid grid;

  /**
   * @param max the largest level
   * @param maxScale what scales and minima found with importance are cut to; where a search ends at
   *     one below zero, it wraps to a byte, and Q4_K packs all of that
   */
  ScaleMin(String name, int id, int blockBytes, int max, int maxScale) {
    super(name, id, blockBytes, 32);
    this.max = max;
    this.maxScale = maxScale;
    this.grid = Grid.of(SIZE, 32, Points.integers(0, max), Grid.Offset.MINIMUM, 0, 63);
  }

  @Override
  public final Grid grid() {
    return grid;
  }

  @Override
  final float sigma2(float sumOfSquares) {
    return 2 * sumOfSquares / SIZE;
  }

  @Override
  final void searchWithImportance(Tile tile) {
    tile.weighByImportanceAndSize();
    tile.kernels.searchScaleMin(
        tile.x, tile.w, 32, max, -0.9f, 0.05f, 36, false, tile.scale, tile.min, tile.levels);
  }

  @Override
  final void packScales(Tile tile, int first, boolean importance, byte[] to, int at) {
    int[] scales = new int[8];
    int[] mins = new int[8];
    float scale;
    float min;
    if (importance) {
      float[] weights = new float[dev.phial.kernel.Kernels.LANES];
      tile.kernels.sums(tile.w, 32, weights);
      scale = searchPositive(tile.scale, weights, first, 63, scales);
      min = searchPositive(tile.min, weights, first, 63, mins);
      for (int j = 0; j < 8; j++) {
        scales[j] = Math.min(maxScale, scales[j]);
        mins[j] = Math.min(maxScale, mins[j]);
      }
    } else {
      float largestScale = largest(tile.scale, first);
      float largestMin = largest(tile.min, first);
      float inverseScale = largestScale > 0 ? 63 / largestScale : 0;
      float inverseMin = largestMin > 0 ? 63 / largestMin : 0;
      for (int j = 0; j < 8; j++) {
        scales[j] = Math.min(63, Rounding.nearest(inverseScale * tile.scale[first + j]) & 0xFF);
        mins[j] = Math.min(63, Rounding.nearest(inverseMin * tile.min[first + j]) & 0xFF);
      }
      scale = largestScale / 63;
      min = largestMin / 63;
    }
    layScales(scale, min, scales, mins, to, at);
    for (int j = 0; j < 8; j++) {
      tile.scale[first + j] = readScale(to, at, j);
      tile.min[first + j] = readMin(to, at, j);
    }
  }

  @Override
  final void layScales(float scale, float min, int[] scales, int[] mins, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
    LittleEndian.putHalf(to, at + MIN, min);
    for (int j = 0; j < 4; j++) {
      to[at + SCALES + j] = (byte) (scales[j] | scales[j + 4] >> 4 << 6);
      to[at + SCALES + 4 + j] = (byte) (mins[j] | mins[j + 4] >> 4 << 6);
      to[at + SCALES + 8 + j] = (byte) (scales[j + 4] & 0xF | (mins[j + 4] & 0xF) << 4);
    }
  }

  @Override
  final void quantize(Tile tile) {
    tile.kernels.quantize(tile.x, tile.scale, tile.min, 32, 0, max, tile.levels);
  }

  /** The scale a reader sees for sub-block {@code j}. */
  static float readScale(byte[] from, int at, int j) {
    int scales = at + SCALES;
    int bits =
        j < 4
            ? from[scales + j] & 63
            : from[scales + j + 4] & 0xF | (from[scales + j - 4] & 0xC0) >> 2;
    return LittleEndian.readHalf(from, at + SCALE) * bits;
  }

  /** The minimum a reader subtracts in sub-block {@code j}. */
  static float readMin(byte[] from, int at, int j) {
    int scales = at + SCALES;
    int bits =
        j < 4
            ? from[scales + j + 4] & 63
            : from[scales + j + 4] >> 4 & 0xF | (from[scales + j] & 0xC0) >> 2;
    return LittleEndian.readHalf(from, at + MIN) * bits;
  }
}
