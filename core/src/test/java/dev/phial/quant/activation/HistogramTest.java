package dev.phial.quant.activation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/**
 * The ranges and codes that ONNX Runtime's calibrators choose for the same activations; {@code
 * tools/make-ranges-golden.py} makes the golden file.
 */
final class HistogramTest {
  private static final JsonNode GOLDEN = golden();
  private static final int COUNT = 20_000;
  private static final int TERMS = 12;

  private static JsonNode golden() {
    try (InputStream in = HistogramTest.class.getResourceAsStream("ranges-golden.json")) {
      return new JsonMapper().readTree(Objects.requireNonNull(in));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static Stream<String> distributions() {
    return GOLDEN.propertyNames().stream();
  }

  @ParameterizedTest
  @MethodSource("distributions")
  void rangesAreThoseOfOnnxRuntime(String name) {
    JsonNode golden = GOLDEN.get(name);
    float[] values = values(name);
    ActivationRange seen = seen(values);
    assertThat(seen.low()).isEqualTo(golden.get("low").floatValue());
    assertThat(seen.high()).isEqualTo(golden.get("high").floatValue());
    Histogram histogram = new Histogram(seen, Histogram.USUAL_BINS);
    for (float value : values) {
      histogram.add(value);
    }
    for (String percentile : List.of("99.0", "99.9", "99.99")) {
      expect(histogram.percentile(Double.parseDouble(percentile)), golden.get(percentile));
    }
    expect(histogram.entropy(), golden.get("entropy"));
  }

  private static void expect(ActivationRange found, JsonNode expected) {
    assertThat(found.low()).isCloseTo(expected.get(0).floatValue(), within(1e-5f));
    assertThat(found.high()).isCloseTo(expected.get(1).floatValue(), within(1e-5f));
  }

  @ParameterizedTest
  @MethodSource("distributions")
  void codesAreThoseOfOnnxRuntime(String name) {
    ActivationRange seen = seen(values(name));
    for (int bits : new int[] {8, 16}) {
      JsonNode expected = GOLDEN.get(name).get("codes" + bits);
      assertThat(ActivationCodes.of(seen, bits))
          .isEqualTo(
              new ActivationCodes(bits, expected.get(0).floatValue(), expected.get(1).intValue()));
    }
  }

  private static ActivationRange seen(float[] values) {
    float[] sorted = values.clone();
    Arrays.sort(sorted);
    return new ActivationRange(sorted[0], sorted[sorted.length - 1]);
  }

  private static float[] values(String name) {
    float[] flat = new float[COUNT];
    float[] bell = new float[COUNT];
    long state = 12345;
    for (int i = 0; i < COUNT; i++) {
      double sum = 0;
      for (int j = 0; j < TERMS; j++) {
        state = (state * 1103515245 + 12345) % (1L << 31);
        double value = (state >> 7) / (double) (1 << 24);
        flat[i] = j == 0 ? (float) (value - 0.5) : flat[i];
        sum += value;
      }
      bell[i] = (float) (sum - 6);
    }
    float[] values = new float[COUNT];
    for (int i = 0; i < COUNT; i++) {
      values[i] =
          switch (name) {
            case "flat" -> flat[i];
            case "bell" -> bell[i];
            case "outliers" -> i % 4999 == 0 ? bell[i] * 16 : bell[i];
            case "positive" -> Math.abs(bell[i]);
            case "shifted" -> bell[i] + 8;
            default -> 0;
          };
    }
    return values;
  }
}
