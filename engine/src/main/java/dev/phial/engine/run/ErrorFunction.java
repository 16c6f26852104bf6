package dev.phial.engine.run;

/** GELU by its definition, {@code x · Φ(x)}, where others go by a formula near it. */
final class ErrorFunction {
  /** Beyond it the error function is 1, to the last bit. */
  private static final double FAR = 6;

  private ErrorFunction() {}

  static float gelu(float x) {
    return (float) (x * 0.5 * (1 + of(x / Math.sqrt(2))));
  }

  /** {@code 2/√π · exp(-x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!!}, whose terms all have one sign. */
  static double of(double x) {
    if (Math.abs(x) >= FAR) {
      return Math.signum(x);
    }
    double term = x;
    double sum = x;
    for (int n = 1; Math.abs(term) > Math.abs(sum) * 1e-17; n++) {
      term *= 2 * x * x / (2 * n + 1);
      sum += term;
    }
    return 2 / Math.sqrt(Math.PI) * Math.exp(-x * x) * sum;
  }
}
