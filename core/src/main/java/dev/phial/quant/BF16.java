package dev.phial.quant;

import dev.phial.kernel.Kernels;
import dev.phial.tensor.DType;

/** The upper half of a single, rounded to nearest even. */
final class BF16 extends PlainFormat {
  BF16() {
    super("BF16", 30, DType.BF16);
  }

  @Override
  void encode(float[] x, int from, int count, byte[] to, int at) {
    encodeShorts(Kernels.best()::roundToBfloat16, x, from, count, to, at);
  }
}
