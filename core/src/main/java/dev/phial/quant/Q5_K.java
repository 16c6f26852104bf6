package dev.phial.quant;

import dev.phial.kernel.BlockKernel;
import java.util.Optional;

/**
 * 256 elements: the scales of {@link ScaleMin}, then 32 bytes of fifth bits, bit j for sub-block j,
 * then nibbles as in {@link Q4_K}; {@code block_q5_K}.
 */
final class Q5_K extends ScaleMin {
  private static final Optional<BlockKernel> KERNEL = BlockKernel.q5_K();

  private static final int HIGH = LEVELS;
  private static final int NIBBLES = HIGH + 32;

  Q5_K() {
    super("Q5_K", 13, 176, 31, 63);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    for (int j = 0; j < 8; j++) {
      float scale = readScale(from, at, j);
      float min = readMin(from, at, j);
      int nibbles = at + NIBBLES + j / 2 * 32;
      int shift = j % 2 * 4;
      for (int i = 0; i < 32; i++) {
        int level = from[nibbles + i] >> shift & 0xF | (from[at + HIGH + i] >> j & 1) << 4;
        to[toAt + j * 32 + i] = scale * level - min;
      }
    }
  }

  /** {@code quantize_row_q5_K_ref}. */
  @Override
  void search(Tile tile) {
    tile.kernels.meanPlusMagnitudes(tile.x, 32, tile.w);
    tile.kernels.searchScaleMin(
        tile.x, tile.w, 32, 31, -0.5f, 0.1f, 15, false, tile.scale, tile.min, tile.levels);
  }

  @Override
  void packLevels(Levels levels, int first, byte[] to, int at) {
    for (int i = 0; i < 32; i++) {
      int high = 0;
      for (int pair = 0; pair < 4; pair++) {
        int lower = levels.level(first + 2 * pair, i);
        int upper = levels.level(first + 2 * pair + 1, i);
        to[at + NIBBLES + pair * 32 + i] = (byte) (lower & 0xF | upper << 4);
        high |= (lower >> 4 | upper >> 4 << 1) << 2 * pair;
      }
      to[at + HIGH + i] = (byte) high;
    }
  }
}
