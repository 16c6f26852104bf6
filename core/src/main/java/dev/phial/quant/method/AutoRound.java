package dev.phial.quant.method;

import dev.phial.kernel.GroupKernels;
import dev.phial.quant.FloatType;

/**
 * As auto-round rounds to nearest for GPTQ and AWQ, with scales in half precision: {@code
 * quant_tensor_rtn_sym} takes the extreme, so that about half of the scales are negative; {@code
 * quant_tensor_asym} takes the range widened to hold zero, in the type of the checkpoint.
 *
 * @param type of the checkpoint
 */
public record AutoRound(int bits, boolean symmetric, FloatType type) implements GroupMethod {
  /** No scale is smaller in magnitude. */
  private static final float SMALLEST = FloatType.F16.round(1e-5f);

  @Override
  public boolean hasZeros() {
    return !symmetric;
  }

  @Override
  public void quantize(float[] x, int from, int groups, int size, GroupCodes to) {
    GroupKernels kernels = GroupKernels.best();
    float[] range = new float[2];
    int middle = 1 << bits - 1;
    int top = 2 * middle - 1;
    for (int group = 0; group < groups; group++) {
      int start = from + group * size;
      kernels.range(x, start, size, range);
      float min = Math.min(range[0], 0);
      float max = Math.max(range[1], 0);
      float scale = symmetric ? extreme(min, max) : span(min, max);
      int zero = symmetric ? middle : Math.clamp((int) Math.rint(-min / scale), 0, top);
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) zero;
      kernels.quotients(
          x, start, size, scale, 0, -zero, top - zero, zero, to.codes(), group * size);
    }
  }

  private float extreme(float min, float max) {
    float magnitude = Math.max(-min, max) / (1 << bits - 1);
    float scale = FloatType.F16.round(max < -min ? magnitude : -magnitude);
    return scale < 0 ? Math.min(scale, -SMALLEST) : Math.max(scale, SMALLEST);
  }

  private float span(float min, float max) {
    float exact = type.round(type.round(max - min) / ((1 << bits) - 1));
    return Math.max(FloatType.F16.round(exact), SMALLEST);
  }
}
