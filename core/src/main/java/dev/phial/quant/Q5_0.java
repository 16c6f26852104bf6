package dev.phial.quant;

import dev.phial.io.LittleEndian;
import dev.phial.kernel.Rounding;

/** 32 elements: half scale, 32 fifth bits, nibbles, meaning -16..15; {@code block_q5_0}. */
final class Q5_0 extends BlockOf32 {
  private static final int SCALE = 0;
  private static final int HIGH = 2;
  private static final int NIBBLES = 6;

  Q5_0() {
    super("Q5_0", 6, 22);
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
    float scale = extreme(x, from) / -16;
    float inverse = scale != 0 ? 1 / scale : 0;
    int high = 0;
    for (int i = 0; i < 16; i++) {
      int lower = level(x[from + i] * inverse);
      int upper = level(x[from + 16 + i] * inverse);
      to[at + NIBBLES + i] = (byte) (lower & 0xF | upper << 4);
      high |= (lower >> 4 & 1) << i | (upper >> 4 & 1) << i + 16;
    }
    LittleEndian.putHalf(to, at + SCALE, scale);
    LittleEndian.putInt(to, at + HIGH, high);
  }

  private static int level(float scaled) {
    return Math.min(31, (byte) Rounding.truncate(scaled + 16.5f));
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
}
