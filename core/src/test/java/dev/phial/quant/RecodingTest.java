package dev.phial.quant;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.phial.PhialException;
import dev.phial.tensor.CodedRows;
import dev.phial.tensor.Coding;
import dev.phial.tensor.Coding.Offset;
import dev.phial.tensor.IntegerBlocks;
import java.lang.foreign.MemorySegment;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The same integers in the terms of another format, or a reason why not. */
final class RecodingTest {
  static Stream<GgmlFormat> blocks() {
    return Formats.ALL.stream().filter(format -> format instanceof IntegerBlocks);
  }

  private static final Coding NIBBLES = new Coding(32, -8, 7, Offset.NONE);
  private static final Coding ZEROS = new Coding(32, 0, 15, Offset.ZERO_POINT);
  private static final Coding MINIMA = new Coding(32, 0, 15, Offset.NUMBER);

  @ParameterizedTest
  @MethodSource("blocks")
  void aBlockIsWhatItsIntegersSay(GgmlFormat format) {
    IntegerBlocks blocks = (IntegerBlocks) format;
    float[] x = new float[32];
    Random random = new Random(1);
    for (int i = 0; i < x.length; i++) {
      x[i] = (float) random.nextGaussian();
    }
    byte[] block = new byte[format.blockBytes()];
    format.encode(x, 1, 32, null, block, 0);
    CodedRows rows = CodedRows.of(1, 32, 32);
    blocks.takeApart(block, 0, rows, 0);
    format.decode(MemorySegment.ofArray(block), 0, x, 0, 32);
    for (int i = 0; i < x.length; i++) {
      assertThat((float) (rows.scales()[0] * (double) rows.codes()[i] + rows.offsets()[0]))
          .isEqualTo(x[i]);
      assertThat((int) rows.codes()[i]).isBetween(blocks.coding().least(), blocks.coding().most());
    }
  }

  @Test
  void codesAreShiftedAndOffsetsFollow() {
    CodedRows minima = new Recoding(NIBBLES, MINIMA, FloatType.F16).apply(rows(0.5f, 0), "t");
    assertThat(minima.codes()[0]).isEqualTo((short) 5);
    assertThat(minima.offsets()[0]).isEqualTo(-4);
    assertThat(minima.isSame(0, rows(0.5f, 0))).isTrue();
    CodedRows zeros = new Recoding(MINIMA, ZEROS, FloatType.F16).apply(minima, "t");
    assertThat(zeros.offsets()[0]).isEqualTo(8);
    CodedRows back =
        new Recoding(MINIMA, NIBBLES, FloatType.F16)
            .apply(new Recoding(NIBBLES, MINIMA, FloatType.F16).apply(rows(0.5f, 0), "t"), "t");
    assertThat(back.codes()).isEqualTo(rows(0.5f, 0).codes());
    assertThat(back.offsets()[0]).isZero();
  }

  @Test
  void groupsAreCut() {
    Coding small = new Coding(16, -8, 7, Offset.NONE);
    CodedRows cut = new Recoding(NIBBLES, small, FloatType.F16).apply(rows(0.5f, 0), "t");
    assertThat(cut.scales()).containsExactly(0.5f, 0.5f);
    assertThat(Recoding.obstacle(small, NIBBLES))
        .hasValueSatisfying(reason -> assertThat(reason).contains("groups of 32", "groups of 16"));
  }

  @Test
  void whatWouldBeRoundedIsRefused() {
    refuses(new Recoding(NIBBLES, MINIMA, FloatType.F16), rows(0.1f, 0), "scales");
    refuses(new Recoding(NIBBLES, NIBBLES, FloatType.F16), rows(Float.NaN, 0), "scales");
    refuses(
        new Recoding(NIBBLES, NIBBLES, FloatType.F32), rows(Float.POSITIVE_INFINITY, 0), "scales");
    refuses(new Recoding(MINIMA, ZEROS, FloatType.F32), rows(0.5f, -0.75), "multiples");
    refuses(new Recoding(MINIMA, ZEROS, FloatType.F32), rows(0.5f, 1), "multiples");
    refuses(new Recoding(MINIMA, ZEROS, FloatType.F32), rows(0, 1), "multiples");
    refuses(new Recoding(MINIMA, NIBBLES, FloatType.F32), rows(0.5f, -3), "around zero");
    refuses(new Recoding(MINIMA, MINIMA, FloatType.F16), rows(0.5f, 0.1f), "minima");
    assertThat(Recoding.obstacle(new Coding(32, -16, 15, Offset.NONE), NIBBLES)).isPresent();
    assertThat(Recoding.obstacle(MINIMA, NIBBLES)).isPresent();
    assertThat(Recoding.obstacle(NIBBLES, ZEROS)).isEmpty();
  }

  private static void refuses(Recoding recoding, CodedRows rows, String reason) {
    assertThatThrownBy(() -> recoding.apply(rows, "the.tensor"))
        .isInstanceOf(PhialException.Unsupported.class)
        .hasMessageContaining("the.tensor")
        .hasMessageContaining(reason);
  }

  /** One group whose first code is -3. */
  private static CodedRows rows(float scale, double offset) {
    CodedRows rows = CodedRows.of(1, 32, 32);
    rows.codes()[0] = -3;
    rows.scales()[0] = scale;
    rows.offsets()[0] = offset;
    return rows;
  }
}
