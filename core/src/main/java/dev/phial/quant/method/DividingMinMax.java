package dev.phial.quant.method;

import dev.phial.quant.FloatType;

/**
 * How ONNX Runtime's Python quantizes the table of a Gather, in the precision of the table: {@code
 * DefaultWeightOnlyQuantizer.quantize_ndarray}. As {@link MinMax}, but divided by the scale before
 * that is rounded away, and ties go to even.
 *
 * @param type of the table, in which every step is rounded
 */
public record DividingMinMax(boolean symmetric, FloatType type) implements GroupMethod {
  private static final int TOP = 15;
  private static final int MIDDLE = 8;

  @Override
  public boolean hasZeros() {
    return !symmetric;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      float min = x[start];
      float max = x[start];
      for (int i = start + 1; i < start + size; i++) {
        min = Math.min(min, x[i]);
        max = Math.max(max, x[i]);
      }
      float scale;
      int zero = MIDDLE;
      if (symmetric) {
        scale = type.round((Math.abs(max) > Math.abs(min) ? max : min) / -MIDDLE);
      } else {
        min = Math.min(min, 0);
        max = Math.max(max, 0);
        scale = type.round(type.round(max - min) / TOP);
        if (scale != 0) {
          zero = Math.clamp((int) Math.rint(type.round(-min / scale)), 0, TOP);
        }
      }
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) zero;
      for (int i = 0; i < size; i++) {
        to.codes()[group * size + i] = (byte) code(x[start + i], scale, zero);
      }
    }
  }

  private int code(float value, float scale, int zero) {
    if (scale == 0) {
      return MIDDLE;
    }
    float quotient = type.round(value / scale);
    if (symmetric) {
      return Math.clamp((int) Math.rint(quotient) + zero, 0, TOP);
    }
    return Math.clamp((int) Math.rint(type.round(quotient + zero)), 0, TOP);
  }
}
