package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Rounding;
import java.util.Arrays;
import java.util.Optional;

/**
 * 256 elements: 128 bytes of low nibbles, 64 bytes of high bit pairs, sixteen int8 scales, half
 * scale; {@code block_q6_K}.
 */
final class Q6_K extends SuperBlock {
  private static final Grid GRID =
      Grid.of(SIZE, 16, Points.integers(-32, 31), Grid.Offset.NONE, -128, 127);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q6_K();

  private static final int LOW = 0;
  private static final int HIGH = 128;
  private static final int SCALES = 192;
  private static final int SCALE = 208;

  Q6_K() {
    super("Q6_K", 14, 210, 16);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int j = 0; j < 16; j++) {
      float subScale = scale * from[at + SCALES + j];
      int low = at + LOW + j / 8 * 64 + j % 4 * 16;
      int lowShift = j % 8 / 4 * 4;
      int high = at + HIGH + j / 8 * 32 + j % 2 * 16;
      int highShift = j % 8 / 2 * 2;
      for (int i = 0; i < 16; i++) {
        int level = (from[low + i] >> lowShift & 0xF | (from[high + i] >> highShift & 3) << 4) - 32;
        to[toAt + j * 16 + i] = subScale * level;
      }
    }
  }

  /** {@code quantize_row_q6_K_ref}. */
  @Override
  void search(Tile tile) {
    tile.kernels.squares(tile.x, 16, tile.w);
    tile.kernels.searchScale(tile.x, tile.w, 16, 32, tile.scale, tile.levels);
  }

  /** {@code quantize_row_q6_K_impl}. */
  @Override
  void searchWithImportance(Tile tile) {
    tile.weighByImportance();
    tile.kernels.searchScale(tile.x, tile.w, 16, 32, tile.scale, tile.levels);
  }

  @Override
  float sigma2(float sumOfSquares) {
    return 0; // not used: Q6_K weighs by importance alone
  }

  @Override
  void packScales(Tile tile, int first, boolean importance, byte[] to, int at) {
    float extreme = extreme(tile.scale, first);
    if (Math.abs(extreme) < 1e-15f) {
      Arrays.fill(to, at, at + blockBytes(), (byte) 0);
      tile.clear(first, 16);
      return;
    }
    float inverse = -128 / extreme;
    int[] scales = new int[16];
    for (int j = 0; j < 16; j++) {
      scales[j] = (byte) Math.min(127, Rounding.nearest(inverse * tile.scale[first + j]));
    }
    layScales(1 / inverse, 0, scales, scales, to, at);
    float readScale = LittleEndian.readHalf(to, at + SCALE);
    for (int j = 0; j < 16; j++) {
      tile.scale[first + j] = readScale * scales[j];
      tile.min[first + j] = 0;
    }
  }

  @Override
  void layScales(float scale, float min, int[] scales, int[] mins, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
    for (int j = 0; j < 16; j++) {
      to[at + SCALES + j] = (byte) scales[j];
    }
  }

  @Override
  void quantize(Tile tile) {
    tile.kernels.quantize(tile.x, tile.scale, tile.min, 16, -32, 31, tile.levels);
  }

  @Override
  void packLevels(Levels levels, int first, byte[] to, int at) {
    for (int half = 0; half < 2; half++) {
      for (int i = 0; i < 32; i++) {
        int lane = first + half * 8 + i / 16;
        int l = i % 16;
        int a = levels.level(lane, l);
        int b = levels.level(lane + 2, l);
        int c = levels.level(lane + 4, l);
        int d = levels.level(lane + 6, l);
        to[at + LOW + half * 64 + i] = (byte) (a & 0xF | c << 4);
        to[at + LOW + half * 64 + 32 + i] = (byte) (b & 0xF | d << 4);
        to[at + HIGH + half * 32 + i] = (byte) (a >> 4 | b >> 4 << 2 | c >> 4 << 4 | d >> 4 << 6);
      }
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }
}
