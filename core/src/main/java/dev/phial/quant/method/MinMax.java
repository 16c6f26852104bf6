package dev.phial.quant.method;

import dev.phial.kernel.Rounding;
import dev.phial.quant.FloatType;

/**
 * ONNX Runtime's own: the scale follows from a group's extreme (symmetric) or from its range
 * widened to hold zero. {@code MlasQuantizeBlockwise} and, for QDQ, {@code
 * MlasQDQQuantizeBlockwise}.
 *
 * @param scaleType codes are chosen for the scale as it is stored
 * @param addsZeroLast round first and then add the zero point, as QDQ does
 */
public record MinMax(int bits, boolean symmetric, FloatType scaleType, boolean addsZeroLast)
    implements GroupMethod {

  @Override
  public boolean hasZeros() {
    return !symmetric;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      float min = Float.MAX_VALUE;
      float max = -Float.MAX_VALUE;
      for (int i = start; i < start + size; i++) {
        min = x[i] < min ? x[i] : min;
        max = x[i] > max ? x[i] : max;
      }
      float scale;
      int zero;
      if (symmetric) {
        zero = 1 << bits - 1;
        scale = (Math.abs(max) > Math.abs(min) ? max : min) / -zero;
      } else {
        int top = (1 << bits) - 1;
        min = Math.min(min, 0);
        max = Math.max(max, 0);
        scale = (max - min) / top;
        zero = scale == 0 ? 0 : Rounding.clamp(Rounding.round(0 - min / scale), 0, top);
      }
      scale = scaleType.round(scale);
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) zero;
      codes(x, start, size, scale == 0 ? 0 : 1 / scale, zero, to.codes(), group * size);
    }
  }

  private void codes(float[] x, int from, int size, float inverse, int zero, byte[] codes, int at) {
    int top = (1 << bits) - 1;
    for (int i = 0; i < size; i++) {
      float scaled = x[from + i] * inverse;
      int code = addsZeroLast ? Rounding.round(scaled) + zero : Rounding.round(scaled + zero);
      codes[at + i] = (byte) Rounding.clamp(code, 0, top);
    }
  }
}
