package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * Codes one after the other in a stream of bits, the lowest bit first: code {@code i} of {@code b}
 * bits begins at bit {@code i · b}. Eight at a time, in the bytes of a long: twice the lower and
 * the upper halves of all pairs are pushed together, then of all fours, then of the eight.
 */
final class BitStream {
  private static final long PAIRS = 0x00FF_00FF_00FF_00FFL;
  private static final long FOURS = 0x0000_FFFF_0000_FFFFL;
  private static final long EIGHT = 0x0000_0000_FFFF_FFFFL;

  private BitStream() {}

  /** Packs {@code n} codes, a multiple of eight. */
  static void pack(byte[] codes, int n, int bits, byte[] to, int at) {
    for (int i = 0; i < n; i += 8) {
      long eight = LittleEndian.readLong(codes, i);
      eight = eight & PAIRS | (eight >>> 8 & PAIRS) << bits;
      eight = eight & FOURS | (eight >>> 16 & FOURS) << 2 * bits;
      eight = eight & EIGHT | (eight >>> 32) << 4 * bits;
      int start = at + i / 8 * bits;
      switch (bits) {
        case 2 -> LittleEndian.putShort(to, start, (short) eight);
        case 4 -> LittleEndian.putInt(to, start, (int) eight);
        case 8 -> LittleEndian.putLong(to, start, eight);
        default -> {
          for (int k = 0; k < bits; k++) {
            to[start + k] = (byte) (eight >>> 8 * k);
          }
        }
      }
    }
  }

  /** Unpacks as many codes as {@code codes} holds, a multiple of eight. */
  static void unpack(byte[] from, int at, int bits, byte[] codes) {
    int mask = (1 << bits) - 1;
    for (int i = 0; i < codes.length; i += 8) {
      long eight = 0;
      for (int k = 0; k < bits; k++) {
        eight |= (from[at + i / 8 * bits + k] & 0xFFL) << 8 * k;
      }
      for (int k = 0; k < 8; k++) {
        codes[i + k] = (byte) (eight >>> k * bits & mask);
      }
    }
  }
}
