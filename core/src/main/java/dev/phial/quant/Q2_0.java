package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.Rounding;

/** 64 elements: half scale, bit pairs meaning -1..2; {@code block_q2_0}. */
final class Q2_0 extends GgmlFormat implements GridFormat {
  private static final Grid GRID =
      Grid.of(64, Points.integers(-1, 2), Grid.Offset.NONE, ScaleType.F16);

  private static final int SCALE = 0;
  private static final int PAIRS = 2;

  Q2_0() {
    super("Q2_0", 42, 64, 18);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < 64; i++) {
      to[toAt + i] = ((from[at + PAIRS + i / 4] >> i % 4 * 2 & 3) - 1) * scale;
    }
  }

  /** {@code quantize_row_q2_0_ref}; its scale is the largest magnitude, so no level 2 arises. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    float scale = 0;
    for (int i = 0; i < 64; i++) {
      scale = Math.max(scale, Math.abs(x[from + i]));
    }
    float inverse = scale > 0 ? 1 / scale : 0;
    LittleEndian.putHalf(to, at + SCALE, scale);
    for (int k = 0; k < 16; k++) {
      int pairs = 0;
      for (int i = 0; i < 4; i++) {
        int level = Rounding.round(x[from + 4 * k + i] * inverse) + 1;
        pairs |= Rounding.clamp(level, 0, 3) << 2 * i;
      }
      to[at + PAIRS + k] = (byte) pairs;
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
      int pairs = 0;
      for (int i = 0; i < 4; i++) {
        pairs |= block.codes[4 * k + i] << 2 * i;
      }
      to[at + PAIRS + k] = (byte) pairs;
    }
  }
}
