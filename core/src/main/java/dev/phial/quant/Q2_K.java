package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Kernels;
import dev.phial.kernel.Rounding;
import java.util.Optional;

/**
 * 256 elements: sixteen bytes of four-bit scale and minimum, 64 bytes of two-bit levels, half
 * scale, half minimum; {@code block_q2_K}.
 */
final class Q2_K extends SuperBlock {
  private static final Grid GRID =
      Grid.of(SIZE, 16, Points.integers(0, 3), Grid.Offset.MINIMUM, 0, 15);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q2_K();

  private static final int SCALES = 0;
  private static final int LEVELS = 16;
  private static final int SCALE = 80;
  private static final int MIN = 82;

  Q2_K() {
    super("Q2_K", 10, 84, 16);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    float min = LittleEndian.readHalf(from, at + MIN);
    for (int j = 0; j < 16; j++) {
      int bits = from[at + SCALES + j];
      float subScale = scale * (bits & 0xF);
      float subMin = min * (bits >> 4 & 0xF);
      int levels = at + LEVELS + j / 8 * 32 + j % 2 * 16;
      int shift = j % 8 / 2 * 2;
      for (int i = 0; i < 16; i++) {
        to[toAt + j * 16 + i] = subScale * (from[levels + i] >> shift & 3) - subMin;
      }
    }
  }

  /** {@code quantize_row_q2_K_ref}. */
  @Override
  void search(Tile tile) {
    tile.kernels.magnitudes(tile.x, 16, tile.w);
    tile.kernels.searchScaleMin(
        tile.x, tile.w, 16, 3, -0.5f, 0.1f, 15, true, tile.scale, tile.min, tile.levels);
  }

  /** {@code quantize_row_q2_K_impl}. */
  @Override
  void searchWithImportance(Tile tile) {
    tile.weighByImportanceAndSize();
    tile.kernels.searchScaleMin(
        tile.x, tile.w, 16, 3, -0.9f, 0.05f, 36, false, tile.scale, tile.min, tile.levels);
  }

  @Override
  float sigma2(float sumOfSquares) {
    return sumOfSquares / SIZE;
  }

  @Override
  void packScales(Tile tile, int first, boolean importance, byte[] to, int at) {
    int[] scales = new int[16];
    int[] mins = new int[16];
    float scale;
    float min;
    if (importance) {
      float[] weights = new float[Kernels.LANES];
      tile.kernels.sums(tile.w, 16, weights);
      scale = searchPositive(tile.scale, weights, first, 15, scales);
      min = searchPositive(tile.min, weights, first, 15, mins);
    } else {
      float largestScale = largest(tile.scale, first);
      float largestMin = largest(tile.min, first);
      for (int j = 0; j < 16; j++) {
        scales[j] =
            largestScale > 0 ? Rounding.nearest(15 / largestScale * tile.scale[first + j]) : 0;
        mins[j] = largestMin > 0 ? Rounding.nearest(15 / largestMin * tile.min[first + j]) : 0;
      }
      scale = largestScale > 0 ? largestScale / 15 : 0;
      min = largestMin > 0 ? largestMin / 15 : 0;
    }
    layScales(scale, min, scales, mins, to, at);
    float readScale = LittleEndian.readHalf(to, at + SCALE);
    float readMin = LittleEndian.readHalf(to, at + MIN);
    for (int j = 0; j < 16; j++) {
      byte packed = to[at + SCALES + j];
      tile.scale[first + j] = readScale * (packed & 0xF);
      tile.min[first + j] = readMin * (packed >> 4 & 0xF);
    }
  }

  @Override
  void layScales(float scale, float min, int[] scales, int[] mins, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
    LittleEndian.putHalf(to, at + MIN, min);
    for (int j = 0; j < 16; j++) {
      to[at + SCALES + j] = (byte) (scales[j] | mins[j] << 4);
    }
  }

  @Override
  void quantize(Tile tile) {
    tile.kernels.quantize(tile.x, tile.scale, tile.min, 16, 0, 3, tile.levels);
  }

  @Override
  void packLevels(Levels levels, int first, byte[] to, int at) {
    packTwoBits(levels, first, to, at + LEVELS);
  }

  @Override
  public Grid grid() {
    return GRID;
  }
}
