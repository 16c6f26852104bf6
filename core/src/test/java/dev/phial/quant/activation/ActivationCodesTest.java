package dev.phial.quant.activation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class ActivationCodesTest {
  @ParameterizedTest
  @CsvSource({
    "0.25, 0", // halves go to the even code
    "0.75, 1",
    "1.25, 1",
    "-0.25, 0",
    "-0.75, -1",
    "100, 59.5", // what is out of range becomes the last code
    "-100, -68",
    "0.1, 0",
    "0.4, 0.5"
  })
  void numbersBecomeWhatTheirCodesStandFor(float number, float expected) {
    float[] x = {7, number, 7};
    new ActivationCodes(8, 0.5f, 136).round(x, 1, 1);
    assertThat(x).containsExactly(7, expected, 7);
  }

  @Test
  void sixteenBitsAreFiner() {
    float[] x = {0.12345f, -0.9999f};
    ActivationCodes.of(new ActivationRange(-1, 1), 16).round(x, 0, 2);
    assertThat(x[0]).isCloseTo(0.12345f, org.assertj.core.api.Assertions.within(2e-5f));
    assertThat(x[1]).isCloseTo(-0.9999f, org.assertj.core.api.Assertions.within(2e-5f));
  }

  /** Zero has a code, however far away the activations are. */
  @Test
  void zeroStaysZero() {
    float[] x = {0};
    ActivationCodes.of(new ActivationRange(3, 5), 8).round(x, 0, 1);
    assertThat(x).containsExactly(0);
  }

  @ParameterizedTest
  @ValueSource(floats = {0, -1, Float.NaN, Float.POSITIVE_INFINITY})
  void refusesScalesThatAreNone(float scale) {
    assertThatIllegalArgumentException().isThrownBy(() -> new ActivationCodes(8, scale, 0));
  }

  @ParameterizedTest
  @CsvSource({"NaN, 1", "0, Infinity", "2, 1"})
  void refusesRangesThatAreNone(float low, float high) {
    assertThatIllegalArgumentException().isThrownBy(() -> new ActivationRange(low, high));
  }
}
