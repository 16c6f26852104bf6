package dev.phial.choose;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupInt;
import dev.phial.quant.MlxFormats;
import dev.phial.quant.method.MinMax;
import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Codes are chosen again only where the layer computes something better with them. */
final class RefinementTest {
  private static final int COLUMNS = 512;
  private static final int ROWS = 5;

  static Stream<Format> formats() {
    List<Format> formats = new ArrayList<>(Formats.ALL);
    formats.add(new GroupInt(4, 32, FloatType.F32, new MinMax(4, true, FloatType.F32, false)));
    formats.add(MlxFormats.of("affine", 3, 64, FloatType.BF16).orElseThrow());
    formats.removeIf(format -> !Refinement.isPossible(format));
    return formats.stream();
  }

  @ParameterizedTest
  @MethodSource("formats")
  void rowsBecomeBetterOrStay(Format format) {
    Random random = new Random(3);
    float[] values = new float[ROWS * COLUMNS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.02 * random.nextGaussian());
    }
    float[] h = FeedbackTest.moments(random);
    byte[] blocks = new byte[Math.toIntExact(format.bytes(values.length))];
    float[] importance = new float[COLUMNS];
    Arrays.fill(importance, 1);
    format.encode(values, ROWS, COLUMNS, importance, blocks, 0);
    double[] before = errors(format, values, h, blocks);

    Refinement refinement =
        new Refinement(format, new InputMoments(COLUMNS, h.clone(), new float[0]));
    refinement.run(values, ROWS, blocks);

    double[] after = errors(format, values, h, blocks);
    for (int row = 0; row < ROWS; row++) {
      assertThat(after[row]).isLessThanOrEqualTo(before[row] * 1.0001);
    }
    assertThat(Arrays.stream(after).sum()).isLessThan(Arrays.stream(before).sum());
    byte[] again = blocks.clone();
    refinement.run(values, ROWS, again);
    assertThat(again).isEqualTo(blocks);
  }

  /** Rows whose outputs do the same make up for each other, and others do not. */
  @Test
  void rowsMakeUpForEachOther() {
    int rows = 2 * Refinement.ROWS + 3;
    Random random = new Random(5);
    float[] values = new float[rows * COLUMNS];
    for (int i = 0; i < values.length; i++) {
      values[i] = (float) (0.02 * random.nextGaussian());
    }
    InputMoments inputs = new InputMoments(COLUMNS, FeedbackTest.moments(random), new float[0]);
    Format format = Formats.named("Q4_0").orElseThrow();
    Refinement refinement = new Refinement(format, inputs);
    byte[] start = new byte[Math.toIntExact(format.bytes(values.length))];
    float[] importance = new float[COLUMNS];
    Arrays.fill(importance, 1);
    format.encode(values, rows, COLUMNS, importance, start, 0);
    byte[] alone = start.clone();
    for (int row = 0; row < rows; row += Refinement.ROWS) {
      int to = Math.min(row + Refinement.ROWS, rows);
      int bytes = start.length / rows;
      byte[] some = Arrays.copyOfRange(alone, row * bytes, to * bytes);
      refinement.run(Arrays.copyOfRange(values, row * COLUMNS, to * COLUMNS), to - row, some);
      System.arraycopy(some, 0, alone, row * bytes, some.length);
    }

    byte[] apart = start.clone();
    refinement.run(outputs(rows, 0), 0, values, rows, apart);
    assertThat(apart).isEqualTo(alone);

    byte[] together = start.clone();
    OutputMoments outputs = outputs(rows, 0.5f);
    refinement.run(outputs, 0, values, rows, together);
    assertThat(error(format, values, inputs, together, rows, 0.5))
        .isLessThan(0.9 * error(format, values, inputs, alone, rows, 0.5));
  }

  /** Each output does as much as the others, and shares so much of it with each. */
  private static OutputMoments outputs(int rows, float shared) {
    int stride = OutputMoments.stride(rows, 0);
    float[] band = new float[rows * stride];
    for (int i = 0; i < rows; i++) {
      Arrays.fill(band, i * stride, i * stride + rows, shared);
      band[i * stride + i] = 1;
    }
    return new OutputMoments(rows, new float[][] {band});
  }

  /** {@code tr(G E H Eᵀ)} for those outputs. */
  private static double error(
      Format format, float[] values, InputMoments inputs, byte[] blocks, int rows, double shared) {
    float[] errors = new float[values.length];
    format.decode(MemorySegment.ofArray(blocks), 0, errors, 0, errors.length);
    float[] sum = new float[COLUMNS];
    double own = 0;
    for (int row = 0; row < rows; row++) {
      for (int i = 0; i < COLUMNS; i++) {
        errors[row * COLUMNS + i] -= values[row * COLUMNS + i];
        sum[i] += errors[row * COLUMNS + i];
      }
      own += inputs.errors(Arrays.copyOfRange(errors, row * COLUMNS, (row + 1) * COLUMNS), 1)[0];
    }
    return (1 - shared) * own + shared * inputs.errors(sum, 1)[0];
  }

  /** If inputs have drifted by a known share, weights that make up for it are found. */
  @Test
  void followsWhatHasDrifted() {
    Random random = new Random(3);
    float[] h = FeedbackTest.moments(random);
    float[] drift = new float[h.length]; // x = 1.1 x̂
    for (int i = 0; i < h.length; i++) {
      drift[i] = 0.1f * h[i];
    }
    InputMoments moments = new InputMoments(COLUMNS, h, drift);
    float[] row = new float[COLUMNS * 32];
    for (int i = 0; i < COLUMNS; i++) {
      row[i * 32] = (float) random.nextGaussian();
    }
    float[] before = row.clone();
    moments.follow(moments.curvature(32), row);
    double along = 0;
    double length = 0;
    for (int i = 0; i < COLUMNS; i++) {
      along += row[i * 32] * before[i * 32];
      length += before[i * 32] * before[i * 32];
      assertThat(row[i * 32 + 1]).isZero();
    }
    assertThat(along / length).isBetween(1.03, 1.0701); // 0.7 of it, less what damping takes
  }

  @Test
  void refusesMomentsThatAreNone() {
    float[] h = new float[COLUMNS * COLUMNS];
    assertThatThrownBy(
            () -> new Refinement(Formats.ALL.getLast(), new InputMoments(COLUMNS, h, new float[0])))
        .isInstanceOf(PhialException.BadInput.class)
        .hasMessageContaining("expected second moments of activations");
    Arrays.fill(h, Float.NaN);
    assertThatThrownBy(
            () -> new Refinement(Formats.ALL.getLast(), new InputMoments(COLUMNS, h, new float[0])))
        .isInstanceOf(PhialException.BadInput.class);
  }

  private static double[] errors(Format format, float[] values, float[] h, byte[] blocks) {
    float[] decoded = new float[values.length];
    format.decode(MemorySegment.ofArray(blocks), 0, decoded, 0, decoded.length);
    double[] errors = new double[ROWS];
    for (int row = 0; row < ROWS; row++) {
      for (int i = 0; i < COLUMNS; i++) {
        double product = 0;
        for (int k = 0; k < COLUMNS; k++) {
          product += (decoded[row * COLUMNS + k] - values[row * COLUMNS + k]) * h[i * COLUMNS + k];
        }
        errors[row] += (decoded[row * COLUMNS + i] - values[row * COLUMNS + i]) * product;
      }
    }
    return errors;
  }
}
