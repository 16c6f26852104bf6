package dev.phial.kernel;

/** The definitions. */
final class ScalarGroupKernels implements GroupKernels {
  @Override
  public void range(float[] x, int from, int n, float[] range) {
    range[0] = Float.POSITIVE_INFINITY;
    range[1] = Float.NEGATIVE_INFINITY;
    for (int i = from; i < from + n; i++) {
      range[0] = Math.min(range[0], x[i]);
      range[1] = Math.max(range[1], x[i]);
    }
  }

  @Override
  public void levels(
      float[] x,
      int from,
      int n,
      float inverse,
      int zero,
      int most,
      boolean last,
      byte[] codes,
      int at) {
    int shift = last ? zero : 0;
    int before = zero - shift;
    for (int i = 0; i < n; i++) {
      // limited before it is rounded, which between whole numbers is the same
      float scaled = Math.min(Math.max(x[from + i] * inverse + before, -shift), most - shift);
      scaled = Float.isNaN(scaled) ? 0 : scaled; // no number times infinity
      codes[at + i] = (byte) (Rounding.round(scaled) + shift);
    }
  }

  @Override
  public void affine(float[] x, int from, int n, float scale, float bias, int most, byte[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = (byte) Rounding.clamp(Rounding.nearest((x[from + i] - bias) / scale), 0, most);
    }
  }

  @Override
  public void e2m1(float[] x, int from, int n, float divisor, int drop, byte[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = (byte) SmallFloats.e2m1(SmallFloats.round(x[from + i] / divisor, drop));
    }
  }

  @Override
  public void e4m3(float[] x, int from, int n, float divisor, int drop, byte[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = (byte) SmallFloats.e4m3(SmallFloats.round(x[from + i] / divisor, drop));
    }
  }

  @Override
  public void steps(
      float[] x, int from, int n, float divisor, float[] limits, boolean signed, byte[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = step(x[from + i] / divisor, limits, signed);
    }
  }

  static byte step(float quotient, float[] limits, boolean signed) {
    float compared = signed ? Math.abs(quotient) : quotient;
    int code = 0;
    for (float limit : limits) {
      code += compared > limit ? 1 : 0;
    }
    return (byte) (signed ? code | Float.floatToRawIntBits(quotient) >>> 28 & 8 : code);
  }

  @Override
  public void quotients(
      float[] x,
      int from,
      int n,
      float divisor,
      float zero,
      int low,
      int high,
      int shift,
      byte[] codes,
      int at) {
    for (int i = 0; i < n; i++) {
      codes[at + i] = quotient(x[from + i] / divisor + zero, low, high, shift);
    }
  }

  static byte quotient(float sum, int low, int high, int shift) {
    return (byte) ((int) Math.clamp(Math.rint(sum), low, high) + shift);
  }
}
