package dev.phial.quant;

import dev.phial.io.LittleEndian;

/** IEEE single precision. */
final class F32 extends GgmlFormat {
  F32() {
    super("F32", 0, 1, Float.BYTES);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    to[toAt] = LittleEndian.readFloat(from, at);
  }

  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    LittleEndian.putFloat(to, at, x[from]);
  }
}
