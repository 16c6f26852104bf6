package dev.phial.quant.activation;

import dev.phial.kernel.Rounding;
import dev.phial.kernel.SmallFloats;
import dev.phial.tensor.DType;

/** Codes for what flows into a matrix, chosen for each token as it comes. */
public enum InputCodes {
  /** 8 bits around zero: {@code compute_dynamic_scales_and_zp} of compressed-tensors. */
  INT8("int8 for each token") {
    @Override
    public void round(float[] x, int from, int count) {
      float scale = scale(magnitude(x, from, count), 127.5f);
      for (int i = from; i < from + count; i++) {
        x[i] = Rounding.even(Math.clamp(x[i] / scale, -128f, 127f)) * scale;
      }
    }
  },

  /** E4M3: the same. */
  E4M3("fp8 for each token") {
    @Override
    public void round(float[] x, int from, int count) {
      float scale = scale(magnitude(x, from, count), 448);
      for (int i = from; i < from + count; i++) {
        x[i] = DType.e4m3(SmallFloats.e4m3(x[i] / scale)) * scale;
      }
    }
  },

  /** E4M3 in groups of 128 columns: the same. */
  E4M3_G128("fp8 for 128 numbers of each token") {
    @Override
    public void round(float[] x, int from, int count) {
      for (int at = from; at < from + count; at += 128) {
        E4M3.round(x, at, Math.min(128, from + count - at));
      }
    }
  },

  /**
   * 8 bits with a zero point: XNNPACK's qd8 ({@code xnn_f32_qd8_asymmetric_quantization_params}).
   */
  QD8("int8 with a zero point for each token") {
    @Override
    public void round(float[] x, int from, int count) {
      float low = 0;
      float high = 0;
      for (int i = from; i < from + count; i++) {
        low = Math.min(low, x[i]);
        high = Math.max(high, x[i]);
      }
      float perUnit = low == high ? 1 : 255 / (high - low);
      float least = low * perUnit;
      float most = high * perUnit;
      float exact = least + most - 1 > 0 ? -128 - least : 127 - most; // from the nearer end
      float zero = Rounding.even(Math.clamp(exact, -128f, 127f));
      float step = 1 / perUnit;
      for (int i = from; i < from + count; i++) {
        float code = Rounding.even(Math.clamp(x[i] * perUnit, -128 - zero, 127 - zero));
        x[i] = code * step;
      }
    }
  };

  private final String label;

  InputCodes(String label) {
    this.label = label;
  }

  /** For display. */
  public String label() {
    return label;
  }

  /**
   * Replaces the numbers of a token by what their codes stand for.
   *
   * @param x finite
   */
  public abstract void round(float[] x, int from, int count);

  private static float magnitude(float[] x, int from, int count) {
    float most = 0;
    for (int i = from; i < from + count; i++) {
      most = Math.max(most, Math.abs(x[i]));
    }
    return most;
  }

  private static float scale(float magnitude, float largest) {
    float scale = magnitude / largest;
    return scale == 0 ? 0x1p-23f : scale;
  }
}
