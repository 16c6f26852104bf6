package dev.phial.quant.method;

import dev.phial.kernel.GroupKernels;
import dev.phial.kernel.Rounding;
import dev.phial.quant.FloatType;

/**
 * As llm-compressor rounds to nearest, in the type of the checkpoint: {@code calculate_qparams} and
 * {@code _quantize} of compressed-tensors. Scales come from the range widened to hold zero.
 *
 * @param type of the checkpoint, in which every step is rounded
 */
public record CompressedTensorsInt(int bits, boolean symmetric, FloatType type)
    implements GroupMethod {
  @Override
  public boolean hasZeros() {
    return !symmetric;
  }

  /** What stands for a scale of zero: {@code finfo.eps}. */
  public static float smallest(FloatType type) {
    return switch (type) {
      case F32 -> 0x1p-23f;
      case F16 -> 0x1p-10f;
      case BF16 -> 0x1p-7f;
    };
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
      float scale =
          symmetric
              ? type.round(Math.max(-min, max) / (top / 2f))
              : type.round(type.round(max - min) / top);
      int zero = 0; // among signed codes
      if (!symmetric && scale != 0) {
        float exact = type.round(-middle - type.round(min / scale));
        zero = (int) Rounding.even(Math.clamp(exact, -middle, middle - 1));
      }
      scale = scale == 0 ? smallest(type) : scale;
      to.scales()[group] = scale;
      to.zeros()[group] = (byte) (zero + middle);
      codes(x, start, size, scale, zero, to.codes(), group * size);
    }
  }

  private void codes(float[] x, int from, int n, float scale, int zero, byte[] codes, int at) {
    int middle = 1 << bits - 1;
    for (int i = 0; i < n; i++) {
      float quotient = type.round(x[from + i] / scale);
      float code = symmetric ? quotient : type.round(quotient + zero);
      float clamped = Math.min(Math.max(code, -middle), middle - 1);
      codes[at + i] = (byte) ((int) Rounding.even(clamped) + middle);
    }
  }
}
