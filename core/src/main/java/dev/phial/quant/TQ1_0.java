package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * 256 elements: five ternary digits a byte, read from the top of a fraction of 243: 160 elements in
 * 32 bytes, 32 apart, then 80 in 16 bytes, 16 apart, then 16 in four bytes of four, four apart;
 * half scale; {@code block_tq1_0}.
 */
final class TQ1_0 extends Ternary {
  private static final int SCALE = 52;

  TQ1_0() {
    super("TQ1_0", 34, 54);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    float scale = LittleEndian.readHalf(from, at + SCALE);
    decode(from, at, 32, 5, scale, to, toAt);
    decode(from, at + 32, 16, 5, scale, to, toAt + 160);
    decode(from, at + 48, 4, 4, scale, to, toAt + 240);
  }

  /** {@code quantize_row_tq1_0_ref}. */
  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    float scale = largestMagnitude(x, from);
    float inverse = inverse(scale);
    pack((block, i) -> level(x[from + i] * inverse), to, at);
    LittleEndian.putHalf(to, at + SCALE, scale);
  }

  private static void pack(Levels levels, byte[] to, int at) {
    pack(levels, 0, 32, 5, to, at);
    pack(levels, 160, 16, 5, to, at + 32);
    pack(levels, 240, 4, 4, to, at + 48);
  }

  @Override
  public void lay(GridBlock block, byte[] to, int at) {
    pack(block, to, at);
    LittleEndian.putHalf(to, at + SCALE, block.scale);
  }

  /** Bytes of {@code digits} digits, the first the highest; each times three carries one out. */
  private static void decode(
      byte[] from, int at, int bytes, int digits, float scale, float[] to, int toAt) {
    for (int k = 0; k < bytes; k++) {
      int rest = from[at + k] & 0xFF;
      for (int i = 0; i < digits; i++) {
        int level = rest * 3 >> 8;
        rest = rest * 3 & 0xFF;
        to[toAt + i * bytes + k] = (level - 1) * scale;
      }
    }
  }

  private static void pack(Levels levels, int from, int bytes, int digits, byte[] to, int at) {
    for (int k = 0; k < bytes; k++) {
      int number = 0;
      for (int i = 0; i < digits; i++) {
        number = number * 3 + levels.level(0, from + i * bytes + k);
      }
      if (digits == 4) {
        number *= 3; // the fifth digit is always there
      }
      // rounded up, so that every digit comes out whole
      to[at + k] = (byte) ((number * 256 + 242) / 243);
    }
  }
}
