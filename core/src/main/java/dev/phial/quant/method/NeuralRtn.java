package dev.phial.quant.method;

import dev.phial.quant.FloatType;

/**
 * Round to nearest as Neural Compressor does it, in double precision: {@code quant_tensor} of ONNX
 * Runtime's {@code weight_only.py}.
 *
 * @param type of the weights, in which ranges are computed, and of the scales that are stored
 */
public record NeuralRtn(int bits, boolean symmetric, FloatType type) implements GroupMethod {
  @Override
  public boolean hasZeros() {
    return !symmetric;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    int top = (1 << bits) - 1;
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      float min = x[start];
      float max = x[start];
      for (int i = start + 1; i < start + size; i++) {
        min = Math.min(min, x[i]);
        max = Math.max(max, x[i]);
      }
      float range = type.round(symmetric ? Math.max(Math.abs(min), Math.abs(max)) * 2 : max - min);
      double scale = range != 0 ? (double) range / top : 1;
      int zero =
          symmetric ? 1 << bits - 1 : (int) Math.clamp(Math.rint((0.0 - min) / scale), 0, top);
      to.scales()[group] = type.round((float) scale);
      to.zeros()[group] = (byte) zero;
      codes(x, start, size, scale, zero, to.codes(), group * size);
    }
  }

  /** {@code codes = round(x / scale + zero)}, ties to even, within the codes there are. */
  void codes(float[] x, int from, int size, double scale, int zero, byte[] codes, int at) {
    int top = (1 << bits) - 1;
    for (int i = 0; i < size; i++) {
      codes[at + i] = (byte) (int) Math.clamp(Math.rint(x[from + i] / scale + zero), 0, top);
    }
  }
}
