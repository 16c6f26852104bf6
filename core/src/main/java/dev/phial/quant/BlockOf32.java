package dev.phial.quant;

import static dev.phial.kernel.Kernels.LANES;

import org.jspecify.annotations.Nullable;

/**
 * The types of one scale per 32 elements, which look for a better scale when they know what
 * matters.
 */
abstract class BlockOf32 extends GgmlFormat implements GridFormat {
  BlockOf32(String name, int id, int blockBytes) {
    super(name, id, 32, blockBytes);
  }

  /** Finds scales (and minima) of the blocks in the tile, whose weights are set. */
  abstract void search(Tile tile);

  /** Writes one block from what the search found. */
  abstract void pack(Tile tile, int lane, byte[] to, int at);

  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    if (importance == null) {
      super.encode(x, rows, columns, null, to, at);
      return;
    }
    Tile tile = new Tile(32);
    int blocks = columns / 32;
    for (int row = 0; row < rows; row++) {
      float sigma2 = Tile.sumOfSquares(x, row * columns, columns) / columns;
      java.util.Arrays.fill(tile.sigma2, sigma2);
      for (int block = 0; block < blocks; block += LANES) {
        int lanes = Math.min(LANES, blocks - block);
        tile.load(x, row * columns + block * 32, lanes);
        tile.loadImportance(importance, block * 32, 0, lanes);
        tile.weighByImportanceAndSize();
        search(tile);
        for (int lane = 0; lane < lanes; lane++) {
          pack(tile, lane, to, at + (row * blocks + block + lane) * blockBytes());
        }
      }
    }
  }

  /** Sixteen bytes of nibbles: element i below, element i + 16 above. */
  static void packNibbles(Levels levels, int block, byte[] to, int at) {
    for (int i = 0; i < 16; i++) {
      to[at + i] = (byte) (levels.level(block, i) & 0xF | levels.level(block, i + 16) << 4);
    }
  }

  /** The fifth bits, element i at bit i. */
  static int highBits(Levels levels, int block) {
    int bits = 0;
    for (int i = 0; i < 32; i++) {
      bits |= (levels.level(block, i) >> 4 & 1) << i;
    }
    return bits;
  }
}
