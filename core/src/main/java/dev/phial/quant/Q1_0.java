package dev.phial.quant;

import dev.phial.io.LittleEndian;

/** 128 elements: half mean magnitude, one bit each, set for plus; {@code block_q1_0}. */
final class Q1_0 extends GgmlFormat implements GridFormat {
  private static final Grid GRID =
      Grid.of(128, Points.table(-1, 1), Grid.Offset.NONE, ScaleType.F16);

  private static final int SCALE = 0;
  private static final int BITS = 2;

  Q1_0() {
    super("Q1_0", 41, 128, 18);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < 128; i++) {
      to[toAt + i] = (from[at + BITS + i / 8] >> i % 8 & 1) != 0 ? scale : -scale;
    }
  }

  /** {@code quantize_row_q1_0_ref}; zeros of either sign count as plus. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    float sum = 0;
    for (int i = 0; i < 128; i++) {
      sum += Math.abs(x[from + i]);
    }
    LittleEndian.putHalf(to, at + SCALE, sum / 128);
    for (int k = 0; k < 16; k++) {
      int bits = 0;
      for (int i = 0; i < 8; i++) {
        bits |= x[from + 8 * k + i] >= 0 ? 1 << i : 0;
      }
      to[at + BITS + k] = (byte) bits;
    }
  }

  @Override
  public Grid grid() {
    return GRID;
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    for (int k = 0; k < 16; k++) {
      int bits = 0;
      for (int i = 0; i < 8; i++) {
        bits |= block.codes[8 * k + i] << i;
      }
      to[at + BITS + k] = (byte) bits;
    }
  }
}
