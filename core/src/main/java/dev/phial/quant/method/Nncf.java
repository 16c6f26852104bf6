package dev.phial.quant.method;

import dev.phial.kernel.GroupKernels;
import dev.phial.quant.FloatType;

/**
 * Round to nearest as OpenVINO's compressor NNCF does it: the scale comes from the range
 * (asymmetric, without widening it to hold zero) or from the extreme (symmetric, where it may be
 * negative), and codes are chosen for the scale before it is rounded to half precision. {@code
 * calculate_integer_quantization_params} and {@code do_integer_quantization}.
 */
public record Nncf(int bits, boolean symmetric) implements GroupMethod {
  /** No scale is smaller: {@code finfo(float32).eps}. */
  public static final float SMALLEST_SCALE = 0x1p-23f;

  @Override
  public boolean hasZeros() {
    return !symmetric;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    GroupKernels kernels = GroupKernels.best();
    float[] range = new float[2];
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      kernels.range(x, start, size, range);
      float scale = scale(range);
      int zero = zero(range, scale);
      to.scales()[group] = FloatType.F16.round(scale);
      to.zeros()[group] = (byte) zero;
      if (symmetric) { // the middle is added last
        kernels.quotients(
            x,
            start,
            size,
            scale,
            0,
            -middle(),
            top() - middle(),
            middle(),
            to.codes(),
            group * size);
      } else {
        kernels.quotients(x, start, size, scale, zero, 0, top(), 0, to.codes(), group * size);
      }
    }
  }

  /**
   * The mean of the squared errors of a group, by which NNCF tells which matrices bear fewer bits:
   * {@code get_integer_quantization_error}.
   */
  public double error(float[] x, int from, int size) {
    float[] range = new float[2];
    GroupKernels.best().range(x, from, size, range);
    float scale = scale(range);
    int zero = zero(range, scale);
    double sum = 0;
    for (int i = from; i < from + size; i++) {
      float difference = (code(x[i], scale, zero) - zero) * scale - x[i];
      sum += difference * difference;
    }
    return sum / size;
  }

  private float scale(float[] range) {
    float scale;
    if (symmetric) {
      float low = Math.abs(range[0]);
      scale = (low >= range[1] ? low : -range[1]) / middle();
    } else {
      scale = (range[1] - range[0]) / top();
    }
    return Math.abs(scale) < SMALLEST_SCALE ? SMALLEST_SCALE : scale;
  }

  private int zero(float[] range, float scale) {
    return symmetric ? middle() : (int) Math.clamp(-Math.rint(range[0] / scale), 0, top());
  }

  /** {@code clamp(round(x / scale + zero))}, ties to even; the middle is added last. */
  private int code(float x, float scale, int zero) {
    if (symmetric) {
      return (int) Math.clamp(Math.rint(x / scale), -middle(), top() - middle()) + middle();
    }
    return (int) Math.clamp(Math.rint(x / scale + zero), 0, top());
  }

  private int top() {
    return (1 << bits) - 1;
  }

  private int middle() {
    return 1 << bits - 1;
  }
}
