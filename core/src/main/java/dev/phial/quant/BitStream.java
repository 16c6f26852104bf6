package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * Codes one after the other in a stream of bits, the lowest bit first: code {@code i} of {@code b}
 * bits begins at bit {@code i · b}.
 */
final class BitStream {
  private BitStream() {}

  /** Packs codes, a multiple of eight of them. */
  static void pack(int[] codes, int bits, byte[] to, int at) {
    switch (bits) {
      case 2 -> {
        for (int i = 0; i < codes.length; i += 8) {
          LittleEndian.putShort(
              to,
              at + i / 4,
              (short)
                  (codes[i]
                      | codes[i + 1] << 2
                      | codes[i + 2] << 4
                      | codes[i + 3] << 6
                      | codes[i + 4] << 8
                      | codes[i + 5] << 10
                      | codes[i + 6] << 12
                      | codes[i + 7] << 14));
        }
      }
      case 4 -> {
        for (int i = 0; i < codes.length; i += 8) {
          LittleEndian.putInt(
              to,
              at + i / 2,
              codes[i]
                  | codes[i + 1] << 4
                  | codes[i + 2] << 8
                  | codes[i + 3] << 12
                  | codes[i + 4] << 16
                  | codes[i + 5] << 20
                  | codes[i + 6] << 24
                  | codes[i + 7] << 28);
        }
      }
      case 8 -> {
        for (int i = 0; i < codes.length; i++) {
          to[at + i] = (byte) codes[i];
        }
      }
      default -> {
        for (int i = 0; i < codes.length; i += 8) {
          long eight = 0;
          for (int k = 0; k < 8; k++) {
            eight |= (long) codes[i + k] << k * bits;
          }
          for (int k = 0; k < bits; k++) {
            to[at + i / 8 * bits + k] = (byte) (eight >>> 8 * k);
          }
        }
      }
    }
  }

  /** Unpacks as many codes as {@code codes} holds, a multiple of eight. */
  static void unpack(byte[] from, int at, int bits, int[] codes) {
    int mask = (1 << bits) - 1;
    for (int i = 0; i < codes.length; i += 8) {
      long eight = 0;
      for (int k = 0; k < bits; k++) {
        eight |= (from[at + i / 8 * bits + k] & 0xFFL) << 8 * k;
      }
      for (int k = 0; k < 8; k++) {
        codes[i + k] = (int) (eight >>> k * bits) & mask;
      }
    }
  }
}
