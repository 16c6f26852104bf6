package dev.phial.choose;

import static dev.phial.kernel.GridKernels.LANES;
import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.kernel.GridKernels;
import dev.phial.quant.FloatType;
import dev.phial.quant.Formats;
import dev.phial.quant.Grid;
import dev.phial.quant.GridFormat;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.quant.MlxFormats;
import dev.phial.quant.NncfScales;
import dev.phial.quant.method.MinMax;
import dev.phial.quant.method.SignedSymmetric;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Points that are chosen for what a layer computes are better for it than the nearest ones. */
final class FeedbackTest {
  private static final int COLUMNS = 512;

  static Stream<GridFormat> formats() {
    List<GridFormat> formats = new ArrayList<>();
    Formats.ALL.stream()
        .filter(GridFormat.class::isInstance)
        .forEach(format -> formats.add((GridFormat) format));
    formats.add(new GroupInt(4, 32, FloatType.F32, new MinMax(4, true, FloatType.F32, false)));
    formats.add(new GroupInt(4, 64, FloatType.F16, new MinMax(4, false, FloatType.F16, false)));
    formats.add(new GroupInt(8, COLUMNS, FloatType.F32, new SignedSymmetric(8)));
    for (int bits : new int[] {2, 4}) {
      formats.add(MlxFormats.of("affine", bits, 64, FloatType.BF16).orElseThrow());
    }
    formats.add(MlxFormats.of("nvfp4", FloatType.BF16).orElseThrow());
    formats.add(new GroupFloat(64, NncfScales.NF4, FloatType.F32));
    return formats.stream();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void lessensTheErrorOfTheOutput(GridFormat format) {
    Random random = new Random(1);
    float[] target = rows(random);
    float[] h = moments(random);
    Curvature curvature = Curvature.of(h, COLUMNS, 0.01, width(format.grid()), false);
    GridRows searched = search(format.grid(), target, curvature.weights());
    double before = error(searched, target, h);
    GridRows rows = new GridRows(format.grid(), COLUMNS);
    new Feedback(format.grid(), curvature).run(target, rows);
    double fed = error(rows, target, h);
    new Descent(format.grid(), curvature).run(target, rows, 4);
    double descended = error(rows, target, h);
    assertThat(descended).isLessThanOrEqualTo(fed).isLessThan(before);
  }

  @ParameterizedTest
  @MethodSource("formats")
  void withoutCorrelationsPointsAreTheNearest(GridFormat format) {
    Random random = new Random(1);
    float[] target = rows(random);
    float[] h = new float[COLUMNS * COLUMNS];
    for (int i = 0; i < COLUMNS; i++) {
      h[i * COLUMNS + i] = 1;
    }
    Curvature curvature = Curvature.of(h, COLUMNS, 0.01, width(format.grid()), false);
    GridRows searched = search(format.grid(), target, curvature.weights());
    GridRows rows = new GridRows(format.grid(), COLUMNS);
    new Feedback(format.grid(), curvature).run(target, rows);
    assertThat(rows.points).isEqualTo(searched.points);
    assertThat(rows.scales).isEqualTo(searched.scales);
    assertThat(rows.offsets).isEqualTo(searched.offsets);
  }

  static int width(Grid grid) {
    return grid.blockSize() > 256 ? 128 : Math.max(1, 128 / grid.blockSize()) * grid.blockSize();
  }

  private static GridRows search(Grid grid, float[] target, float[] weights) {
    GridRows rows = new GridRows(grid, COLUMNS);
    ScaleFit fit = new ScaleFit(grid);
    float[] w = weights.clone();
    double mean = 0;
    for (float weight : w) {
      mean += (double) weight / COLUMNS;
    }
    for (int i = 0; i < w.length; i++) {
      w[i] = (float) Math.max(w[i] / mean, 1e-9);
    }
    for (int block = 0; block < rows.blocks(); block++) {
      int column = block * grid.blockSize();
      fit.fit(target, column * LANES, w, column, rows, block);
    }
    float[] scales = new float[LANES];
    float[] offsets = new float[LANES];
    for (int group = 0; group < COLUMNS / grid.groupSize(); group++) {
      System.arraycopy(rows.scales, group * LANES, scales, 0, LANES);
      System.arraycopy(rows.offsets, group * LANES, offsets, 0, LANES);
      int at = group * grid.groupSize() * LANES;
      GridKernels.best()
          .nearest(
              target,
              at,
              grid.groupSize(),
              ScaleFit.points(grid.points()),
              scales,
              offsets,
              rows.points,
              at);
    }
    return rows;
  }

  private static float[] rows(Random random) {
    float[] target = new float[COLUMNS * LANES];
    for (int i = 0; i < target.length; i++) {
      target[i] = (float) (0.02 * random.nextGaussian() * (1 + random.nextInt(20) / 19));
    }
    return target;
  }

  /** Of inputs that go along with each other, a few of them large. */
  static float[] moments(Random random) {
    int count = 3 * COLUMNS;
    float[][] x = new float[count][COLUMNS];
    float[][] mixing = new float[COLUMNS / 4][COLUMNS];
    for (float[] row : mixing) {
      for (int i = 0; i < COLUMNS; i++) {
        row[i] = (float) random.nextGaussian() * (i % 100 == 7 ? 5 : 1);
      }
    }
    float[] h = new float[COLUMNS * COLUMNS];
    for (float[] row : x) {
      for (float[] direction : mixing) {
        float share = (float) random.nextGaussian() * 0.1f;
        for (int i = 0; i < COLUMNS; i++) {
          row[i] += share * direction[i];
        }
      }
      for (int i = 0; i < COLUMNS; i++) {
        row[i] += 0.5f * (float) random.nextGaussian();
      }
      for (int i = 0; i < COLUMNS; i++) {
        for (int k = 0; k < COLUMNS; k++) {
          h[i * COLUMNS + k] += row[i] * row[k] / count;
        }
      }
    }
    return h;
  }

  private static double error(GridRows rows, float[] target, float[] h) {
    double sum = 0;
    double[] errors = new double[COLUMNS];
    for (int lane = 0; lane < LANES; lane++) {
      for (int i = 0; i < COLUMNS; i++) {
        errors[i] = (double) rows.value(i, lane) - target[i * LANES + lane];
      }
      for (int i = 0; i < COLUMNS; i++) {
        double product = 0;
        for (int k = 0; k < COLUMNS; k++) {
          product += errors[k] * h[i * COLUMNS + k];
        }
        sum += errors[i] * product;
      }
    }
    return sum;
  }
}
