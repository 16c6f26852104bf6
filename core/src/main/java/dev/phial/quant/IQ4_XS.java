package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Rounding;
import java.util.Optional;

/**
 * 256 elements: half scale, eight six-bit scales (high pairs in two bytes, low nibbles in four),
 * nibbles that index {@link IQ4_NL#CODEBOOK}, 16 below and the next 16 above; {@code block_iq4_xs}.
 */
final class IQ4_XS extends SuperBlock {
  private static final Grid GRID = Grid.of(SIZE, 32, IQ4_NL.POINTS, Grid.Offset.NONE, -32, 31);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.iq4_XS(IQ4_NL.CODEBOOK);

  private static final int SCALE = 0;
  private static final int HIGH = 2;
  private static final int LOW = 4;
  private static final int NIBBLES = 8;

  IQ4_XS() {
    super("IQ4_XS", 23, 136, 32);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    int high = LittleEndian.readShort(from, at + HIGH);
    for (int j = 0; j < 8; j++) {
      int bits = from[at + LOW + j / 2] >> j % 2 * 4 & 0xF | (high >> 2 * j & 3) << 4;
      float subScale = scale * (bits - 32);
      for (int i = 0; i < 16; i++) {
        int pair = from[at + NIBBLES + j * 16 + i];
        to[toAt + j * 32 + i] = subScale * IQ4_NL.CODEBOOK[pair & 0xF];
        to[toAt + j * 32 + 16 + i] = subScale * IQ4_NL.CODEBOOK[pair >> 4 & 0xF];
      }
    }
  }

  /** {@code quantize_row_iq4_nl_impl} with super-blocks of eight blocks. */
  @Override
  void search(Tile tile) {
    tile.kernels.squares(tile.x, 32, tile.w);
    tile.kernels.searchCodebookScale(tile.x, tile.w, 32, IQ4_NL.CODEBOOK, IQ4_NL.TRIES, tile.scale);
  }

  @Override
  void searchWithImportance(Tile tile) {
    tile.weighByImportanceAndSize();
    tile.kernels.searchCodebookScale(tile.x, tile.w, 32, IQ4_NL.CODEBOOK, IQ4_NL.TRIES, tile.scale);
  }

  @Override
  float sigma2(float sumOfSquares) {
    return sumOfSquares * (2f / SIZE);
  }

  @Override
  void packScales(Tile tile, int first, boolean importance, byte[] to, int at) {
    float scale = -extreme(tile.scale, first) / 32;
    float inverse = scale != 0 ? 1 / scale : 0;
    int[] scales = new int[8];
    for (int j = 0; j < 8; j++) {
      scales[j] = Rounding.clamp(Rounding.nearest(inverse * tile.scale[first + j]), -32, 31);
      tile.scale[first + j] = scale * scales[j];
    }
    layScales(scale, 0, scales, scales, to, at);
  }

  @Override
  void layScales(float scale, float min, int[] scales, int[] mins, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, scale);
    int high = 0;
    int low = 0;
    for (int j = 0; j < 8; j++) {
      low |= (scales[j] + 32 & 0xF) << 4 * j;
      high |= scales[j] + 32 >> 4 << 2 * j;
    }
    LittleEndian.putShort(to, at + HIGH, (short) high);
    LittleEndian.putInt(to, at + LOW, low);
  }

  @Override
  void quantize(Tile tile) {
    float[] inverse = new float[tile.scale.length];
    for (int lane = 0; lane < inverse.length; lane++) {
      inverse[lane] = tile.scale[lane] != 0 ? 1 / tile.scale[lane] : 0;
    }
    tile.kernels.nearestInCodebook(tile.x, inverse, 32, IQ4_NL.CODEBOOK, tile.levels);
  }

  @Override
  void packLevels(Levels levels, int first, byte[] to, int at) {
    for (int j = 0; j < 8; j++) {
      BlockOf32.packNibbles(levels, first + j, to, at + NIBBLES + j * 16);
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }
}
