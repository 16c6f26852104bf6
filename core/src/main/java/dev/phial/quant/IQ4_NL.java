package dev.phial.quant;

import static dev.phial.kernel.Kernels.LANES;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** 32 elements: half scale, nibbles that index {@link #CODEBOOK}; {@code block_iq4_nl}. */
final class IQ4_NL extends GgmlFormat implements GridFormat {
  /** Denser around zero than a straight scale: ggml's {@code kvalues_iq4nl}. */
  static final byte[] CODEBOOK = {
    -127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113
  };

  static final Points POINTS =
      Points.table(-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113);

  private static final Grid GRID = Grid.of(32, POINTS, Grid.Offset.NONE, ScaleType.F16);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.iq4_NL(CODEBOOK);

  /** Inverse scales tried to each side of the first. */
  static final int TRIES = 7;

  private static final int SCALE = 0;
  private static final int NIBBLES = 2;

  IQ4_NL() {
    super("IQ4_NL", 20, 32, 18);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to[toAt + i] = scale * CODEBOOK[pair & 0xF];
      to[toAt + 16 + i] = scale * CODEBOOK[pair >> 4 & 0xF];
    }
  }

  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    throw new AssertionError("blocks are encoded by the tile");
  }

  /** {@code quantize_row_iq4_nl_impl} with super-blocks of one block. */
  @Override
  public void encode(
      float[] x, int rows, int columns, float @Nullable [] importance, byte[] to, int at) {
    Tile tile = new Tile(32);
    float[] inverse = new float[LANES];
    int blocks = columns / 32;
    for (int row = 0; row < rows; row++) {
      for (int block = 0; block < blocks; block += LANES) {
        int lanes = Math.min(LANES, blocks - block);
        tile.load(x, row * columns + block * 32, lanes);
        if (importance == null) {
          tile.kernels.squares(tile.x, 32, tile.w);
        } else {
          for (int lane = 0; lane < lanes; lane++) {
            tile.sigma2[lane] =
                Tile.sumOfSquares(x, row * columns + (block + lane) * 32, 32) * (2f / 32);
          }
          tile.loadImportance(importance, block * 32, 0, lanes);
          tile.weighByImportanceAndSize();
        }
        tile.kernels.searchCodebookScale(tile.x, tile.w, 32, CODEBOOK, TRIES, tile.scale);
        for (int lane = 0; lane < LANES; lane++) {
          inverse[lane] = tile.scale[lane] != 0 ? 1 / tile.scale[lane] : 0;
        }
        tile.kernels.nearestInCodebook(tile.x, inverse, 32, CODEBOOK, tile.levels);
        for (int lane = 0; lane < lanes; lane++) {
          int to0 = at + (row * blocks + block + lane) * blockBytes();
          LittleEndian.putHalf(to, to0 + SCALE, tile.scale[lane]);
          BlockOf32.packNibbles(tile, lane, to, to0 + NIBBLES);
        }
      }
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    BlockOf32.packNibbles(block, 0, to, at + NIBBLES);
  }
}
