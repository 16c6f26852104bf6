package dev.phial.quant;

import dev.phial.kernel.BlockKernel;
import java.util.Optional;

/**
 * 256 elements: the scales of {@link ScaleMin}, then nibbles, 32 elements below and the next 32
 * above; {@code block_q4_K}.
 */
final class Q4_K extends ScaleMin {
  private static final Optional<BlockKernel> KERNEL = BlockKernel.q4_K();

  Q4_K() {
    super("Q4_K", 12, 144, 15, 255);
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
      int nibbles = at + LEVELS + j / 2 * 32;
      int shift = j % 2 * 4;
      for (int i = 0; i < 32; i++) {
        to[toAt + j * 32 + i] = scale * (from[nibbles + i] >> shift & 0xF) - min;
      }
    }
  }

  /** {@code quantize_row_q4_K_ref}. */
  @Override
  void search(Tile tile) {
    tile.kernels.meanPlusMagnitudes(tile.x, 32, tile.w);
    tile.kernels.searchScaleMin(
        tile.x, tile.w, 32, 15, -1f, 0.1f, 20, false, tile.scale, tile.min, tile.levels);
  }

  @Override
  void packLevels(Levels levels, int first, byte[] to, int at) {
    for (int i = 0; i < 32; i++) {
      for (int pair = 0; pair < 4; pair++) {
        int lane = first + 2 * pair;
        to[at + LEVELS + pair * 32 + i] =
            (byte) (levels.level(lane, i) | levels.level(lane + 1, i) << 4);
      }
    }
  }
}
