package dev.phial.kernel;

import static dev.phial.kernel.GridKernels.LANES;
import static dev.phial.kernel.GridKernels.SUMS;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The vector kernels give the very bits of the scalar ones. */
final class GridKernelsTest {
  private static final GridKernels SCALAR = new ScalarGridKernels();
  private static final GridKernels VECTOR = new VectorGridKernels();

  private static final float[] FACTORS = {0.1f, 0.12f, 0.125f, 0.14f};
  private static final float[] SHARES = {1.05f, 0.9f, 0.7f};

  private static GridKernels.Points whole(int least, int most) {
    float[] values = new float[most - least + 1];
    for (int i = 0; i < values.length; i++) {
      values[i] = least + i;
    }
    return of(values, true);
  }

  private static GridKernels.Points of(float[] values, boolean areWhole) {
    float[] middles = new float[values.length - 1];
    for (int i = 0; i < middles.length; i++) {
      middles[i] = (values[i] + values[i + 1]) / 2;
    }
    return new GridKernels.Points(values, middles, areWhole);
  }

  /** Columns of rows: plain ones, all zeros, one outlier, all equal, denormal, of both zeros. */
  record Rows(int n, GridKernels.Points points, float[] x, float[] w) {
    @Override
    public String toString() {
      return n + " columns, " + points.values().length + " points";
    }
  }

  static Stream<Rows> rows() {
    List<GridKernels.Points> all =
        List.of(
            whole(-8, 7),
            whole(0, 15),
            whole(0, 3),
            whole(-127, 127),
            of(new float[] {-1, 1}, false),
            of(new float[] {-12, -8, -6, -4, -3, -2, -1, 0, 1, 2, 3, 4, 6, 8, 12}, false));
    return all.stream()
        .flatMap(points -> IntStream.of(1, 3, 16, 32, 65).mapToObj(n -> rows(n, points)));
  }

  private static Rows rows(int n, GridKernels.Points points) {
    Random random = new Random(n);
    float[] x = new float[n * LANES];
    float[] w = new float[n];
    for (int i = 0; i < n; i++) {
      w[i] = i == 1 ? 0 : random.nextFloat() + 0.01f;
      for (int lane = 0; lane < LANES; lane++) {
        x[i * LANES + lane] =
            switch (lane) {
              case 0 -> 0;
              case 1 -> i == n / 2 ? 1000 : 0.001f;
              case 2 -> 0.25f;
              case 3 -> -0.25f;
              case 4 -> Float.MIN_VALUE * i;
              case 5 -> i % 2 == 0 ? 0f : -0f;
              case 6 -> Math.abs((float) random.nextGaussian());
              case 7 -> 1e30f * (float) random.nextGaussian();
              default -> (float) random.nextGaussian();
            };
      }
    }
    return new Rows(n, points, x, w);
  }

  @ParameterizedTest
  @MethodSource("rows")
  void scales(Rows rows) {
    for (boolean bothSigns : new boolean[] {false, true}) {
      float[] a = new float[LANES];
      float[] b = new float[LANES];
      SCALAR.fitScales(rows.x, 0, rows.n, rows.w, 0, rows.points, FACTORS, bothSigns, a);
      VECTOR.fitScales(rows.x, 0, rows.n, rows.w, 0, rows.points, FACTORS, bothSigns, b);
      assertThat(b).isEqualTo(a);
    }
  }

  @ParameterizedTest
  @MethodSource("rows")
  void scalesAndOffsets(Rows rows) {
    if (rows.points.least() != 0) {
      return;
    }
    for (boolean isMinimum : new boolean[] {false, true}) {
      float[] a = new float[2 * LANES];
      float[] b = new float[2 * LANES];
      fit(SCALAR, rows, isMinimum, a);
      fit(VECTOR, rows, isMinimum, b);
      assertThat(b).isEqualTo(a);
      for (int lane = 0; lane < LANES; lane++) {
        assertThat(a[lane]).isPositive().isFinite();
        assertThat(a[LANES + lane]).isFinite();
        assertThat(isMinimum && a[LANES + lane] > 0).isFalse();
      }
    }
  }

  private static void fit(GridKernels kernels, Rows rows, boolean isMinimum, float[] to) {
    float[] scales = new float[LANES];
    float[] offsets = new float[LANES];
    kernels.fitScalesAndOffsets(
        rows.x, 0, rows.n, rows.w, 0, rows.points, SHARES, isMinimum, scales, offsets);
    System.arraycopy(scales, 0, to, 0, LANES);
    System.arraycopy(offsets, 0, to, LANES, LANES);
  }

  @ParameterizedTest
  @MethodSource("rows")
  void sumsAndNearestPoints(Rows rows) {
    Random random = new Random(2);
    float[] scales = new float[LANES];
    float[] offsets = new float[LANES];
    for (int lane = 0; lane < LANES; lane++) {
      scales[lane] = lane == 9 ? 0 : (float) random.nextGaussian() * 0.2f;
      offsets[lane] = lane % 2 == 0 ? 0 : (float) random.nextGaussian();
    }
    float[] a = new float[SUMS * LANES];
    float[] b = new float[SUMS * LANES];
    SCALAR.evaluate(rows.x, 0, rows.n, rows.w, 0, rows.points, scales, offsets, a);
    VECTOR.evaluate(rows.x, 0, rows.n, rows.w, 0, rows.points, scales, offsets, b);
    assertThat(b).isEqualTo(a);
    float[] c = new float[rows.n * LANES];
    float[] d = new float[rows.n * LANES];
    SCALAR.nearest(rows.x, 0, rows.n, rows.points, scales, offsets, c, 0);
    VECTOR.nearest(rows.x, 0, rows.n, rows.points, scales, offsets, d, 0);
    assertThat(d).isEqualTo(c);
    SCALAR.addOuter(c, 0, rows.n, scales, 0, rows.w, 0);
    VECTOR.addOuter(d, 0, rows.n, scales, 0, rows.w, 0);
    assertThat(d).isEqualTo(c);
  }
}
