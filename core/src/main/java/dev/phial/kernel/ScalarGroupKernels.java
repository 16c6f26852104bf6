package dev.phial.kernel;

/** The definitions. */
final class ScalarGroupKernels implements GroupKernels {
  @Override
  public float smallest(float[] x, int n) {
    float smallest = Float.POSITIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      smallest = Math.min(smallest, x[i]);
    }
    return smallest;
  }

  @Override
  public float largest(float[] x, int n) {
    float largest = Float.NEGATIVE_INFINITY;
    for (int i = 0; i < n; i++) {
      largest = Math.max(largest, x[i]);
    }
    return largest;
  }

  @Override
  public float smallest(float[] x, int from, int n) {
    float smallest = x[from];
    for (int i = from + 1; i < from + n; i++) {
      smallest = x[i] < smallest ? x[i] : smallest;
    }
    return smallest;
  }

  @Override
  public float largest(float[] x, int from, int n) {
    float largest = x[from];
    for (int i = from + 1; i < from + n; i++) {
      largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
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
  public void affine(float[] x, int n, float scale, float bias, int most, int[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = Math.clamp((int) Math.rint((x[i] - bias) / scale), 0, most);
    }
  }

  @Override
  public void e2m1(float[] x, int n, int[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = SmallFloats.e2m1(x[i]);
    }
  }

  @Override
  public void e4m3(float[] x, int n, int[] codes) {
    for (int i = 0; i < n; i++) {
      codes[i] = SmallFloats.e4m3(x[i]);
    }
  }
}
