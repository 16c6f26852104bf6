package dev.phial.quant.activation;

import dev.phial.kernel.Rounding;

/**
 * Unsigned integers for activations, {@code x ≈ (code - zero) * scale}, as QuantizeLinear and
 * DequantizeLinear of ONNX have them.
 *
 * @param bits 8 or 16
 * @param scale positive and finite
 * @param zero the code of zero
 */
public record ActivationCodes(int bits, float scale, int zero) {
  public ActivationCodes {
    if (bits != 8 && bits != 16
        || !(scale > 0 && scale < Float.POSITIVE_INFINITY)
        || zero < 0
        || zero > largest(bits)) {
      throw new IllegalArgumentException(
          "no codes of %d bits: scale %s, zero point %d".formatted(bits, scale, zero));
    }
  }

  /**
   * Spreads the codes over a range and zero, which is always among them: {@code compute_scale_zp}
   * of ONNX Runtime's quantizer.
   */
  public static ActivationCodes of(ActivationRange range, int bits) {
    double low = Math.min(range.low(), 0);
    double high = Math.max(range.high(), 0);
    double scale = (high - low) / largest(bits);
    return scale < Float.MIN_NORMAL
        ? new ActivationCodes(bits, 1, 0)
        : new ActivationCodes(bits, (float) scale, (int) Math.rint(-low / scale));
  }

  private static int largest(int bits) {
    return (1 << bits) - 1;
  }

  /** Replaces numbers by what their codes stand for. */
  public void round(float[] x, int from, int count) {
    float least = -zero;
    float most = largest(bits) - zero;
    for (int i = from; i < from + count; i++) {
      float code = Math.min(Math.max(x[i] / scale, least), most);
      x[i] = Rounding.even(code) * scale;
    }
  }
}
