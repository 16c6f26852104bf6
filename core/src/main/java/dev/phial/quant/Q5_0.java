package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Kernels;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.util.Optional;

/** 32 elements: half scale, 32 fifth bits, nibbles, meaning -16..15; {@code block_q5_0}. */
final class Q5_0 extends BlockOf32 implements IntegerBlocks {
  private static final Grid GRID =
      Grid.of(32, Points.integers(-16, 15), Grid.Offset.NONE, ScaleType.F16);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q5_0();

  private static final int SCALE = 0;
  private static final int HIGH = 2;
  private static final int NIBBLES = 6;

  Q5_0() {
    super("Q5_0", 6, 22);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    int high = LittleEndian.readInt(from, at + HIGH);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to[toAt + i] = ((pair & 0xF | (high >> i & 1) << 4) - 16) * scale;
      to[toAt + 16 + i] = ((pair >> 4 & 0xF | (high >> i + 16 & 1) << 4) - 16) * scale;
    }
  }

  /** {@code quantize_row_q5_0_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    Kernels kernels = Kernels.best();
    float scale = kernels.extreme(x, from, 32) / -16;
    float inverse = scale != 0 ? 1 / scale : 0;
    LittleEndian.putHalf(to, at + SCALE, scale);
    int high = kernels.truncate32(x, from, 0, inverse, 16.5f, 31, to, at + NIBBLES);
    LittleEndian.putInt(to, at + HIGH, high);
  }

  /** {@code quantize_row_q5_0_impl}. */
  @Override
  void search(Tile tile) {
    tile.kernels.searchScale(tile.x, tile.w, 32, 16, tile.scale, tile.levels);
  }

  @Override
  void pack(Tile tile, int lane, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, tile.scale[lane]);
    LittleEndian.putInt(to, at + HIGH, highBits(tile, lane));
    packNibbles(tile, lane, to, at + NIBBLES);
  }

  @Override
  public Coding coding() {
    return new Coding(32, -16, 15, Coding.Offset.NONE);
  }

  @Override
  public void takeApart(byte[] from, int at, CodedRows to, int group) {
    to.scales()[group] = LittleEndian.readHalf(from, at + SCALE);
    int high = LittleEndian.readInt(from, at + HIGH);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to.codes()[group * 32 + i] = (short) ((pair & 0xF | (high >> i & 1) << 4) - 16);
      to.codes()[group * 32 + 16 + i] =
          (short) ((pair >> 4 & 0xF | (high >> i + 16 & 1) << 4) - 16);
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    LittleEndian.putInt(to, at + HIGH, highBits(block, 0));
    packNibbles(block, 0, to, at + NIBBLES);
  }
}
