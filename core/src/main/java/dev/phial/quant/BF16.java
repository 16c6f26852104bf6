package dev.phial.quant;

import dev.phial.tensor.DType;

/**
 * The upper half of a single, rounded to nearest even: ggml's {@code ggml_compute_fp32_to_bf16}.
 */
final class BF16 extends PlainFormat {
  BF16() {
    super("BF16", 30, DType.BF16);
  }

  @Override
  void encode(float[] x, int from, int count, byte[] to, int at) {
    encodeShorts(BF16::narrow, x, from, count, to, at);
  }

  private static void narrow(float[] x, int from, int n, short[] bits) {
    for (int i = 0; i < n; i++) {
      int single = Float.floatToRawIntBits(x[from + i]);
      bits[i] = (short) (single + 0x7FFF + (single >> 16 & 1) >> 16);
    }
  }
}
