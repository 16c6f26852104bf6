package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Kernels;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.util.Optional;

/** 32 elements: half scale, nibbles meaning -8..7; {@code block_q4_0}. */
final class Q4_0 extends BlockOf32 implements IntegerBlocks {
  private static final Grid GRID =
      Grid.of(32, Points.integers(-8, 7), Grid.Offset.NONE, ScaleType.F16);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q4_0();

  private static final int SCALE = 0;
  private static final int NIBBLES = 2;

  Q4_0() {
    super("Q4_0", 2, 18);
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
      to[toAt + i] = ((pair & 0xF) - 8) * scale;
      to[toAt + 16 + i] = ((pair >> 4 & 0xF) - 8) * scale;
    }
  }

  /** {@code quantize_row_q4_0_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    Kernels kernels = Kernels.best();
    float scale = kernels.extreme(x, from, 32) / -8;
    float inverse = scale != 0 ? 1 / scale : 0;
    LittleEndian.putHalf(to, at + SCALE, scale);
    kernels.truncate32(x, from, 0, inverse, 8.5f, 15, to, at + NIBBLES);
  }

  /** {@code quantize_row_q4_0_impl}. */
  @Override
  void search(Tile tile) {
    tile.kernels.searchScale(tile.x, tile.w, 32, 8, tile.scale, tile.levels);
  }

  @Override
  void pack(Tile tile, int lane, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, tile.scale[lane]);
    packNibbles(tile, lane, to, at + NIBBLES);
  }

  @Override
  public Coding coding() {
    return new Coding(32, -8, 7, Coding.Offset.NONE);
  }

  @Override
  public void takeApart(byte[] from, int at, CodedRows to, int group) {
    to.scales()[group] = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to.codes()[group * 32 + i] = (short) ((pair & 0xF) - 8);
      to.codes()[group * 32 + 16 + i] = (short) ((pair >> 4 & 0xF) - 8);
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    packNibbles(block, 0, to, at + NIBBLES);
  }
}
