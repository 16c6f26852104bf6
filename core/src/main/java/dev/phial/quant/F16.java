package dev.phial.quant;

import dev.phial.tensor.DType;

/** IEEE half precision, rounded to nearest even. */
final class F16 extends PlainFormat {
  F16() {
    super("F16", 1, DType.F16);
  }

  @Override
  void encode(float[] x, int from, int count, byte[] to, int at) {
    encodeShorts(F16::narrow, x, from, count, to, at);
  }

  private static void narrow(float[] x, int from, int n, short[] bits) {
    for (int i = 0; i < n; i++) {
      bits[i] = Float.floatToFloat16(x[from + i]);
    }
  }
}
