package dev.phial.quant;

import dev.phial.io.LittleEndian;

/** IEEE half precision, rounded to nearest even. */
final class F16 extends GgmlFormat {
  F16() {
    super("F16", 1, 1, Short.BYTES);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    to[toAt] = LittleEndian.readHalf(from, at);
  }

  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    LittleEndian.putHalf(to, at, x[from]);
  }
}
