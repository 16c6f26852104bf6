package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Kernels;
import dev.phial.kernel.Rounding;
import java.util.Arrays;
import java.util.Optional;

/**
 * 256 elements: 32 bytes of third bits, 64 bytes of two-bit levels, twelve bytes of six-bit scales,
 * half scale; {@code block_q3_K}.
 */
final class Q3_K extends SuperBlock {
  private static final Grid GRID =
      Grid.of(SIZE, 16, Points.integers(-4, 3), Grid.Offset.NONE, -32, 31);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q3_K();

  private static final int HIGH = 0;
  private static final int LEVELS = 32;
  private static final int SCALES = 96;
  private static final int SCALE = 108;

  Q3_K() {
    super("Q3_K", 11, 110, 16);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int j = 0; j < 16; j++) {
      float subScale = scale * readScale(from, at, j);
      int levels = at + LEVELS + j / 8 * 32 + j % 2 * 16;
      int high = at + HIGH + j % 2 * 16;
      int shift = j % 8 / 2 * 2;
      for (int i = 0; i < 16; i++) {
        int level = (from[levels + i] >> shift & 3) - (from[high + i] >> j / 2 & 1 ^ 1) * 4;
        to[toAt + j * 16 + i] = subScale * level;
      }
    }
  }

  private static int readScale(byte[] from, int at, int j) {
    int low = from[at + SCALES + j % 8] >> j / 8 * 4 & 0xF;
    int high = from[at + SCALES + 8 + j % 4] >> j / 4 * 2 & 3;
    return (low | high << 4) - 32;
  }

  /** {@code quantize_row_q3_K_ref}. */
  @Override
  void search(Tile tile) {
    tile.kernels.descendScale(tile.x, 16, 4, tile.scale, tile.levels);
  }

  /** {@code quantize_row_q3_K_impl}. */
  @Override
  void searchWithImportance(Tile tile) {
    tile.weighByImportanceAndSize();
    tile.kernels.searchScale(tile.x, tile.w, 16, 4, tile.scale, tile.levels);
  }

  @Override
  float sigma2(float sumOfSquares) {
    return 2 * sumOfSquares / SIZE;
  }

  @Override
  void packScales(Tile tile, int first, boolean importance, byte[] to, int at) {
    int[] scales = new int[16];
    float scale;
    if (importance) {
      scale = searchSigned(tile, first, scales);
    } else {
      float extreme = extreme(tile.scale, first);
      float inverse = extreme != 0 ? -32 / extreme : 0;
      scale = extreme != 0 ? 1 / inverse : 0;
      for (int j = 0; j < 16; j++) {
        scales[j] =
            extreme == 0
                ? -32
                : Rounding.clamp((byte) Rounding.nearest(inverse * tile.scale[first + j]), -32, 31);
      }
    }
    layScales(scale, 0, scales, scales, to, at);
    float readScale = LittleEndian.readHalf(to, at + SCALE);
    for (int j = 0; j < 16; j++) {
      tile.scale[first + j] = readScale * readScale(to, at, j);
      tile.min[first + j] = 0;
    }
  }

  /** The scale of the scales, by the search that the levels had, in one lane of a tile. */
  private static float searchSigned(Tile tile, int first, int[] levels) {
    float[] weights = new float[Kernels.LANES];
    tile.kernels.sums(tile.w, 16, weights);
    Tile scales = new Tile(16);
    for (int j = 0; j < 16; j++) {
      scales.x[j * Kernels.LANES] = tile.scale[first + j];
      scales.w[j * Kernels.LANES] = weights[first + j];
    }
    tile.kernels.searchScale(scales.x, scales.w, 16, 32, scales.scale, scales.levels);
    for (int j = 0; j < 16; j++) {
      levels[j] = scales.level(0, j) - 32;
    }
    return scales.scale[0];
  }

  @Override
  void layScales(float scale, float min, int[] scales, int[] mins, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
    Arrays.fill(to, at + SCALES, at + SCALES + 12, (byte) 0);
    for (int j = 0; j < 16; j++) {
      int bits = scales[j] + 32;
      to[at + SCALES + j % 8] |= (byte) ((bits & 0xF) << j / 8 * 4);
      to[at + SCALES + 8 + j % 4] |= (byte) (bits >> 4 << j / 4 * 2);
    }
  }

  @Override
  void quantize(Tile tile) {
    tile.kernels.quantize(tile.x, tile.scale, tile.min, 16, -4, 3, tile.levels);
  }

  @Override
  void packLevels(Levels levels, int first, byte[] to, int at) {
    for (int i = 0; i < 32; i++) {
      int bits = 0;
      for (int j = 0; j < 8; j++) {
        bits |= (levels.level(first + 2 * j + i / 16, i % 16) >> 2 & 1) << j;
      }
      to[at + HIGH + i] = (byte) bits;
    }
    packTwoBits(levels, first, to, at + LEVELS);
  }

  @Override
  public Grid grid() {
    return GRID;
  }
}
