package dev.phial.kernel;

import static dev.phial.kernel.MatrixKernels.PANEL;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.util.Random;
import java.util.function.BiConsumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Every vector kernel of the forward pass against its scalar definition, up to rounding. */
final class MatrixKernelsTest {
  private static final MatrixKernels SCALAR = new ScalarMatrixKernels();
  private static final MatrixKernels VECTOR = new VectorMatrixKernels();

  /** Elements before the first one that a kernel may touch, and after the last. */
  private static final int MARGIN = 5;

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 7, 8, 11, 12, 13, 16, 17, 24, 25, 31})
  void productsAreEqual(int count) {
    for (int depth : new int[] {1, 2, 16, 96, 255, 256, 257, 700}) {
      for (int panelStride : new int[] {PANEL, 80}) {
        float[] x = random(MARGIN + count * (depth + 3));
        float[] panel = random(MARGIN + depth * panelStride);
        float[] packed = new float[MARGIN + count * depth];
        VECTOR.packVectors(x, MARGIN, depth + 3, count, depth, packed, MARGIN);
        both(
            random(MARGIN + count * (PANEL + 1)),
            depth,
            (kernels, y) ->
                kernels.multiply(
                    packed,
                    MARGIN,
                    count,
                    depth,
                    panel,
                    MARGIN,
                    panelStride,
                    y,
                    MARGIN,
                    PANEL + 1));
      }
    }
  }

  @Test
  void aProductIsWhatItSays() {
    float[] x = {1, 2, 3, 4, 5, 6}; // two vectors of three
    float[] rows = {1, 0, 0, 0, 1, 1}; // two rows of three
    for (MatrixKernels kernels : new MatrixKernels[] {SCALAR, VECTOR}) {
      float[] packed = new float[6];
      float[] panel = new float[3 * PANEL];
      float[] y = new float[2 * PANEL];
      kernels.packVectors(x, 0, 3, 2, 3, packed, 0);
      kernels.packRows(rows, 3, 2, 3, panel);
      kernels.multiply(packed, 0, 2, 3, panel, 0, PANEL, y, 0, PANEL);
      assertThat(y[0]).isEqualTo(1);
      assertThat(y[1]).isEqualTo(5);
      assertThat(y[PANEL]).isEqualTo(4);
      assertThat(y[PANEL + 1]).isEqualTo(11);
      assertThat(y[2]).isEqualTo(0);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 4, 5, 8, 23})
  void rowsAreMultipliedAlikeAsTheyLie(int vectors) {
    for (int count : new int[] {1, 3, 4, 6, 8, 21}) {
      for (int columns : new int[] {1, 15, 16, 33, 256}) {
        float[] rows = random(count * columns);
        float[] x = random(MARGIN + vectors * (columns + 3));
        both(
            random(MARGIN + vectors * (count + 2)),
            100,
            (kernels, y) ->
                kernels.multiplyRows(
                    rows, count, x, MARGIN, columns + 3, vectors, columns, y, MARGIN, count + 2));
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 3, 12, 15, 26})
  void vectorsArePackedAlike(int count) {
    float[] x = random(MARGIN + count * 50);
    same(
        new float[MARGIN + count * 40],
        (kernels, packed) -> kernels.packVectors(x, MARGIN, 50, count, 40, packed, MARGIN));
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 4, 31, 32})
  void rowsArePackedAlike(int count) {
    for (int columns : new int[] {1, 15, 16, 17, 64, 99}) {
      float[] rows = random(PANEL * (columns + 2));
      same(
          random(columns * PANEL),
          (kernels, panel) -> kernels.packRows(rows, columns + 2, count, columns, panel));
    }
  }

  @ParameterizedTest
  @ValueSource(
      ints = {1, 2, 7, 8, 15, 16, 17, 31, 32, 33, 63, 64, 65, 80, 96, 207, 1024, 1025, 3001})
  void loopsOverElementsAreEqual(int n) {
    float[] a = random(MARGIN + n);
    float[] b = random(MARGIN + n);
    float[] weight = random(n);
    float[] bias = random(n);
    assertThat(VECTOR.dot(a, MARGIN, b, MARGIN, n))
        .isCloseTo(SCALAR.dot(a, MARGIN, b, MARGIN, n), within(1e-5f * n));
    assertThat(VECTOR.largest(a, MARGIN, n)).isEqualTo(SCALAR.largest(a, MARGIN, n));
    assertThat(VECTOR.sumOfExps(a, MARGIN, n, 1f))
        .isCloseTo(SCALAR.sumOfExps(a, MARGIN, n, 1f), within(1e-6 * n));
    assertThat(VECTOR.sumOfDifferences(a, MARGIN, 1f, b, MARGIN, n))
        .isCloseTo(SCALAR.sumOfDifferences(a, MARGIN, 1f, b, MARGIN, n), within(1e-6 * n));
    both(b, 1, (kernels, y) -> kernels.add(a, MARGIN, y, MARGIN, n));
    both(b, 1, (kernels, y) -> kernels.addScaled(a, MARGIN, 0.3f, y, MARGIN, n));
    both(b, 1, (kernels, y) -> kernels.scale(y, MARGIN, n, 0.3f));
    both(b, 10, (kernels, y) -> kernels.rmsNorm(a, MARGIN, n, weight, 1e-5f, y, MARGIN));
    // a constant vector has no variance: what is left is rounding, divided by √epsilon
    both(
        b,
        n == 1 ? 1 : 1000,
        (kernels, y) -> kernels.layerNorm(a, MARGIN, n, weight, bias, 1e-5f, y, MARGIN));
    both(b, 1, (kernels, y) -> kernels.softmax(y, MARGIN, n, 0.7f));
    both(b, 1, (kernels, y) -> kernels.siluTimes(a, MARGIN, y, MARGIN, y, MARGIN, n));
    both(b, 1, (kernels, y) -> kernels.gelu(y, MARGIN, n));
    float[] pairs = random(MARGIN + 2 * n);
    both(b, 1, (kernels, y) -> kernels.gegelu(pairs, MARGIN, 1.5f, y, MARGIN, n));
    both(pairs, 1, (kernels, y) -> kernels.rotate(y, MARGIN, n, weight, bias, 0));
  }

  @Test
  void extremeElementsAreTreatedAlike() {
    float[] x = new float[64];
    for (int i = 0; i < x.length; i++) {
      x[i] = (i - 32) * 8;
    }
    x[3] = Float.NEGATIVE_INFINITY;
    both(x, 1, (kernels, y) -> kernels.softmax(y, 0, 64, 1));
    both(x, 300, (kernels, y) -> kernels.gelu(y, 4, 60));
    both(x, 300, (kernels, y) -> kernels.siluTimes(x, 4, x, 4, y, 4, 60));
    float[] y = x.clone();
    VECTOR.softmax(y, 0, 64, 1);
    assertThat(y[3]).isZero();
    x[40] = Float.NaN;
    assertThat(VECTOR.largest(x, 0, 64)).isNaN();
    assertThat(SCALAR.largest(x, 0, 64)).isNaN();
  }

  @Test
  void halfFloatsAreConverted() {
    float[] x = random(333);
    short[] halves = new short[340];
    VECTOR.narrow(x, 1, halves, 3, 300);
    for (int i = 0; i < 300; i++) {
      assertThat(halves[3 + i]).isEqualTo(Float.floatToFloat16(x[1 + i]));
    }
    float[] back = new float[340];
    VECTOR.widen(halves, 3, back, 2, 300);
    for (int i = 0; i < 300; i++) {
      assertThat(back[2 + i]).isEqualTo(Float.float16ToFloat(halves[3 + i]));
    }
  }

  private static void both(float[] start, float scale, BiConsumer<MatrixKernels, float[]> run) {
    float[] expected = start.clone();
    float[] found = start.clone();
    run.accept(SCALAR, expected);
    run.accept(VECTOR, found);
    assertThat(found).containsExactly(expected, within(2e-6f * scale));
  }

  private static void same(float[] start, BiConsumer<MatrixKernels, float[]> run) {
    float[] expected = start.clone();
    float[] found = start.clone();
    run.accept(SCALAR, expected);
    run.accept(VECTOR, found);
    assertThat(found).isEqualTo(expected);
  }

  private static float[] random(int n) {
    Random random = new Random(n);
    float[] x = new float[n];
    for (int i = 0; i < n; i++) {
      x[i] = (float) random.nextGaussian();
    }
    return x;
  }
}
