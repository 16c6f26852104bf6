package dev.phial.quant;

import dev.phial.io.LittleEndian;

/**
 * The upper half of a single, rounded to nearest even: ggml's {@code ggml_compute_fp32_to_bf16}.
 */
final class BF16 extends GgmlFormat {
  BF16() {
    super("BF16", 30, 1, Short.BYTES);
  }

  @Override
  void decodeBlock(byte[] from, int at, float[] to, int toAt) {
    to[toAt] = Float.intBitsToFloat(LittleEndian.readShort(from, at) << 16);
  }

  @Override
  void encodeBlock(float[] x, int from, byte[] to, int at) {
    int bits = Float.floatToRawIntBits(x[from]);
    LittleEndian.putShort(to, at, (short) (bits + 0x7FFF + (bits >> 16 & 1) >> 16));
  }
}
