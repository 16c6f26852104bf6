package dev.phial.quant.method;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Random;
import org.junit.jupiter.api.Test;

final class PairSafeTest {
  private static final int SIZE = 33;

  private static GroupCodes quantize(float[] x) {
    GroupCodes codes = new GroupCodes(1, x.length);
    new PairSafe().quantize(x, 0, 1, x.length, codes);
    return codes;
  }

  private static int code(GroupCodes codes, int i) {
    return (codes.codes()[i] & 0xFF) - 128;
  }

  /** Whatever unsigned bytes two neighbours are multiplied with, 16 bits hold the sum. */
  @Test
  void neighboursNeverSaturate() {
    Random random = new Random(1);
    for (int round = 0; round < 1000; round++) {
      float[] x = new float[SIZE];
      for (int i = 0; i < SIZE; i++) {
        x[i] = (float) (random.nextGaussian() * Math.exp(random.nextGaussian()));
      }
      GroupCodes codes = quantize(x);
      for (int i = 0; i + 1 < SIZE; i += 2) {
        int above = Math.max(0, code(codes, i)) + Math.max(0, code(codes, i + 1));
        int below = Math.min(0, code(codes, i)) + Math.min(0, code(codes, i + 1));
        assertThat(255 * above).isLessThanOrEqualTo(Short.MAX_VALUE);
        assertThat(255 * below).isGreaterThanOrEqualTo(Short.MIN_VALUE);
      }
      for (int i = 0; i < SIZE; i++) {
        float error = Math.abs(code(codes, i) * codes.scales()[0] - x[i]);
        assertThat(error).isLessThanOrEqualTo(codes.scales()[0] * 0.50001f);
      }
    }
  }

  @Test
  void aLoneExtremeUsesAllCodes() {
    GroupCodes codes = quantize(new float[] {127, -20, 0, 1, -127});
    assertThat(codes.scales()[0]).isEqualTo(1);
    assertThat(code(codes, 0)).isEqualTo(127);
    assertThat(code(codes, 1)).isEqualTo(-20);
    assertThat(code(codes, 4)).isEqualTo(-127);
  }

  @Test
  void neighboursOfOneSignShareThem() {
    GroupCodes codes = quantize(new float[] {127, 127});
    assertThat(codes.scales()[0]).isEqualTo(2);
    assertThat(code(codes, 0)).isEqualTo(64);
    assertThat(code(codes, 1)).isEqualTo(64);
  }

  @Test
  void zerosHaveAScaleThatIsOne() {
    GroupCodes codes = quantize(new float[4]);
    assertThat(codes.scales()[0]).isEqualTo(1);
    assertThat(code(codes, 3)).isZero();
  }
}
