package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.BlockKernel;
import dev.phial.kernel.Kernels;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.IntegerBlocks;
import java.util.Optional;

/** 32 elements: half scale, int8 levels; {@code block_q8_0}. */
final class Q8_0 extends GgmlFormat implements GridFormat, IntegerBlocks {
  private static final Grid GRID =
      Grid.of(32, Points.integers(-127, 127), Grid.Offset.NONE, ScaleType.F16);

  private static final Optional<BlockKernel> KERNEL = BlockKernel.q8_0();

  private static final int SCALE = 0;
  private static final int LEVELS = 2;

  Q8_0() {
    super("Q8_0", 8, 32, 34);
  }

  @Override
  public Optional<BlockKernel> kernel() {
    return KERNEL;
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < 32; i++) {
      to[toAt + i] = from[at + LEVELS + i] * scale;
    }
  }

  /** {@code quantize_row_q8_0_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    Kernels kernels = Kernels.best();
    float scale = Math.abs(kernels.extreme(x, from, 32)) / 127;
    float inverse = scale != 0 ? 1 / scale : 0;
    LittleEndian.putHalf(to, at + SCALE, scale);
    kernels.roundAway32(x, from, inverse, to, at + LEVELS);
  }

  @Override
  public Coding coding() {
    return new Coding(32, Byte.MIN_VALUE, Byte.MAX_VALUE, Coding.Offset.NONE);
  }

  @Override
  public void takeApart(byte[] from, int at, CodedRows to, int group) {
    to.scales()[group] = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < 32; i++) {
      to.codes()[group * 32 + i] = from[at + LEVELS + i];
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    for (int i = 0; i < 32; i++) {
      to[at + LEVELS + i] = (byte) (block.codes[i] - 127);
    }
  }
}
