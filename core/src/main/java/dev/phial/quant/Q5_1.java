package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Kernels;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.util.Optional;

/** 32 elements: half scale, half minimum, 32 fifth bits, nibbles; {@code block_q5_1}. */
final class Q5_1 extends BlockOf32 implements IntegerBlocks {
  private static final Grid GRID =
      Grid.of(32, Points.integers(0, 31), Grid.Offset.NUMBER, ScaleType.F16);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q5_1();

  private static final int SCALE = 0;
  private static final int MIN = 2;
  private static final int HIGH = 4;
  private static final int NIBBLES = 8;

  Q5_1() {
    super("Q5_1", 7, 24);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    float min = LittleEndian.readHalf(from, at + MIN);
    int high = LittleEndian.readInt(from, at + HIGH);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to[toAt + i] = (pair & 0xF | (high >> i & 1) << 4) * scale + min;
      to[toAt + 16 + i] = (pair >> 4 & 0xF | (high >> i + 16 & 1) << 4) * scale + min;
    }
  }

  /** {@code quantize_row_q5_1_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    Kernels kernels = Kernels.best();
    float min = kernels.smallest32(x, from);
    float scale = (kernels.largest32(x, from) - min) / 31;
    float inverse = scale != 0 ? 1 / scale : 0;
    LittleEndian.putHalf(to, at + SCALE, scale);
    LittleEndian.putHalf(to, at + MIN, min);
    int high = kernels.truncate32(x, from, min, inverse, 0.5f, Integer.MAX_VALUE, to, at + NIBBLES);
    LittleEndian.putInt(to, at + HIGH, high);
  }

  /** {@code quantize_row_q5_1_impl}. */
  @Override
  void search(Tile tile) {
    tile.kernels.searchScaleMin(
        tile.x, tile.w, 32, 31, -0.9f, 0.05f, 36, false, tile.scale, tile.min, tile.levels);
  }

  @Override
  void pack(Tile tile, int lane, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, tile.scale[lane]);
    LittleEndian.putHalf(to, at + MIN, -tile.min[lane]);
    LittleEndian.putInt(to, at + HIGH, highBits(tile, lane));
    packNibbles(tile, lane, to, at + NIBBLES);
  }

  @Override
  public Coding coding() {
    return new Coding(32, 0, 31, Coding.Offset.NUMBER);
  }

  @Override
  public void takeApart(byte[] from, int at, CodedRows to, int group) {
    to.scales()[group] = LittleEndian.readHalf(from, at + SCALE);
    to.offsets()[group] = LittleEndian.readHalf(from, at + MIN);
    int high = LittleEndian.readInt(from, at + HIGH);
    for (int i = 0; i < 16; i++) {
      int pair = from[at + NIBBLES + i];
      to.codes()[group * 32 + i] = (short) (pair & 0xF | (high >> i & 1) << 4);
      to.codes()[group * 32 + 16 + i] = (short) (pair >> 4 & 0xF | (high >> i + 16 & 1) << 4);
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    LittleEndian.putHalf(to, at + MIN, block.minimum);
    LittleEndian.putInt(to, at + HIGH, highBits(block, 0));
    packNibbles(block, 0, to, at + NIBBLES);
  }
}
