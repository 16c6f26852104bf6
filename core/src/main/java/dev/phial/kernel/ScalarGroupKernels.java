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
