package dev.phial.quant.activation;

import static org.assertj.core.api.Assertions.assertThat;

import org.assertj.core.data.Offset;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

final class InputCodesTest {
  private static final Offset<Float> CLOSE = Offset.offset(1e-5f);

  private static float[] rounded(InputCodes codes, float... x) {
    codes.round(x, 0, x.length);
    return x;
  }

  @Test
  void spreadsIntegersAroundZero() {
    assertThat(rounded(InputCodes.INT8, -127.5f, 1.4f, 2.5f, 100.51f, 0))
        .containsExactly(new float[] {-128, 1, 2, 101, 0}, CLOSE);
  }

  @Test
  void keepsTheLargestFloat() {
    assertThat(rounded(InputCodes.E4M3, 896, 1, 2.1f, -35))
        .containsExactly(new float[] {896, 1, 2, -36}, CLOSE);
  }

  @Test
  void roundsGroupsByThemselves() {
    float[] x = new float[256];
    x[0] = 448;
    x[1] = 0.3f;
    x[128] = 0.3f;
    InputCodes.E4M3_G128.round(x, 0, 256);
    assertThat(x[1]).isCloseTo(0.3125f, CLOSE);
    assertThat(x[128]).isCloseTo(0.3f, CLOSE);
  }

  @Test
  void spreadsIntegersFromTheLeastToTheMost() {
    assertThat(rounded(InputCodes.QD8, -1, 1.55f, 0.004f, 0.006f, 0))
        .containsExactly(new float[] {-1, 1.55f, 0, 0.01f, 0}, CLOSE);
    assertThat(rounded(InputCodes.QD8, 2.55f, 1.234f))
        .containsExactly(new float[] {2.55f, 1.23f}, CLOSE);
  }

  @ParameterizedTest
  @EnumSource
  void leavesZerosAndOtherNumbersAlone(InputCodes codes) {
    float[] x = {5, 0, 0, 0, 7};
    codes.round(x, 1, 3);
    assertThat(x).containsExactly(5, 0, 0, 0, 7);
  }
}
