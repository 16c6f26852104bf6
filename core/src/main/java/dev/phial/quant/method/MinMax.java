package dev.phial.quant.method;

import dev.phial.kernel.GroupKernels;
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
    GroupKernels kernels = GroupKernels.best();
    float[] range = new float[2];
    int top = (1 << bits) - 1;
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      kernels.range(x, start, size, range);
      float min = range[0];
      float max = range[1];
      float scale;
      int zero;
      if (symmetric) {
        zero = 1 << bits - 1;
        float extreme = Math.abs(max) > Math.abs(min) ? max : min;
        scale = (extreme == 0 ? x[start] : extreme) / -zero; // of zeros, the first one's sign
      } else {
        min = Math.min(min, 0);
        max = Math.max(max, 0);
        scale = (max - min) / top;
        zero = scale == 0 ? 0 : Rounding.clamp(Rounding.round(0 - min / scale), 0, top);
      }
      scale = scaleType.round(scale);
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) zero;
      float inverse = scale == 0 ? 0 : 1 / scale;
      kernels.levels(x, start, size, inverse, zero, top, addsZeroLast, to.codes(), group * size);
    }
  }
}
