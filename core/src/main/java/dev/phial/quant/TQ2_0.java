package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: bit pairs meaning -1..1, each 128 elements in 32 bytes, 32 elements apart, half
 * scale; {@code block_tq2_0}.
 */
final class TQ2_0 extends Ternary {
  private static final int PAIRS = 0;
  private static final int SCALE = 64;

  TQ2_0() {
    super("TQ2_0", 35, 66);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    for (int i = 0; i < SIZE; i++) {
      int pairs = from[at + PAIRS + i / 128 * 32 + i % 32];
      to[toAt + i] = ((pairs >> i % 128 / 32 * 2 & 3) - 1) * scale;
    }
  }

  /** {@code quantize_row_tq2_0_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    float scale = largestMagnitude(x, from);
    float inverse = inverse(scale);
    LittleEndian.putHalf(to, at + SCALE, scale);
    for (int k = 0; k < 64; k++) {
      int first = from + k / 32 * 128 + k % 32;
      int pairs = 0;
      for (int i = 0; i < 4; i++) {
        pairs |= level(x[first + 32 * i] * inverse) << 2 * i;
      }
      to[at + PAIRS + k] = (byte) pairs;
    }
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    LittleEndian.putHalf(to, at + SCALE, block.scale);
    for (int k = 0; k < 64; k++) {
      int first = k / 32 * 128 + k % 32;
      int pairs = 0;
      for (int i = 0; i < 4; i++) {
        pairs |= block.codes[first + 32 * i] << 2 * i;
      }
      to[at + PAIRS + k] = (byte) pairs;
    }
  }
}
