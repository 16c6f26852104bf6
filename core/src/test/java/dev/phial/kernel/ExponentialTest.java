package dev.phial.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import jdk.incubator.vector.FloatVector;
import org.junit.jupiter.api.Test;

/** The exponential is near the true one everywhere, and the same however often it has run. */
final class ExponentialTest {
  private static final int WIDTH = VectorConstants.FLOAT.length();

  @Test
  void isNearTheTrueOne() {
    for (float x = -110; x < 95; x += 0.00371f) {
      float found = exp(x);
      float expected = (float) StrictMath.exp(x);
      float tolerance = 2 * Math.max(Math.ulp(expected), Float.MIN_VALUE);
      assertThat(found == expected || Math.abs(found - expected) <= tolerance)
          .as("exp(%s): %s, expected %s", x, found, expected)
          .isTrue();
    }
    assertThat(exp(Float.NEGATIVE_INFINITY)).isZero();
    assertThat(exp(-1e30f)).isZero();
    assertThat(exp(0)).isOne();
    assertThat(exp(Float.POSITIVE_INFINITY)).isInfinite();
    assertThat(exp(Float.NaN)).isNaN();
  }

  @Test
  void theHyperbolicTangentIsNearTheTrueOne() {
    for (float x = -20; x < 20; x += 0.00371f) {
      float[] result = new float[WIDTH];
      Exponential.tanh(FloatVector.broadcast(VectorConstants.FLOAT, x)).intoArray(result, 0);
      assertThat(Math.abs(result[0] - StrictMath.tanh(x))).as("%s", x).isLessThan(3e-7);
    }
  }

  /** Interpreted at first, compiled in the end. */
  @Test
  void sumsAndExponentialsStayTheSame() {
    assumeTrue(MatrixKernels.best() instanceof VectorMatrixKernels);
    float[] x = new float[1000];
    float[] y = new float[1000];
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) Math.sin(i * 12.9898) * 3;
      y[i] = (float) Math.cos(i * 78.233);
    }
    float[] first = compute(x, y);
    for (int i = 0; i < 20_000; i++) {
      compute(x, y);
    }
    assertThat(compute(x, y)).isEqualTo(first);
  }

  private static float[] compute(float[] x, float[] y) {
    MatrixKernels kernels = MatrixKernels.best();
    float[] result = new float[4 * x.length + 3];
    int n = x.length;
    kernels.siluTimes(x, 0, y, 0, result, 0, n);
    System.arraycopy(x, 0, result, n, n);
    kernels.gelu(result, n, n);
    System.arraycopy(x, 0, result, 2 * n, n);
    kernels.softmax(result, 2 * n, n, 0.3f);
    kernels.layerNorm(x, 0, n, y, y, 1e-5f, result, 3 * n);
    result[4 * n] = kernels.dot(x, 0, y, 0, n);
    result[4 * n + 1] = (float) kernels.sumOfExps(x, 0, n, 3);
    result[4 * n + 2] = (float) kernels.sumOfDifferences(x, 0, 3, y, 0, n);
    return result;
  }

  private static float exp(float x) {
    float[] result = new float[WIDTH];
    Exponential.of(FloatVector.broadcast(VectorConstants.FLOAT, x)).intoArray(result, 0);
    return result[WIDTH - 1];
  }
}
