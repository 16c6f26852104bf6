package dev.phial.source;

import static org.assertj.core.api.Assertions.assertThat;

import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.ActivationRanges;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class ActivationRangesFileTest {
  private static final String VALID =
      """
      {"activation_ranges": 1, "method": "minmax",
       "ranges": [{"point": "attended", "layer": 3, "low": -1.5, "high": 2, "smoothing": [1, 0.5]},
                  {"point": "output_norm", "low": 0, "high": 1e-3}]}
      """;

  @TempDir Path folder;

  private Path write(String json) {
    return Refused.write(folder.resolve("ranges.json"), json);
  }

  @Test
  void isRead() {
    ActivationRanges ranges = ActivationRangesFile.read(write(VALID));
    assertThat(ranges.ranges()).hasSize(2);
    assertThat(ranges.range(ActivationPoint.ATTENDED.in(3)))
        .isEqualTo(new ActivationRange(-1.5f, 2));
    assertThat(ranges.smoothing(ActivationPoint.ATTENDED.in(3)).orElseThrow())
        .containsExactly(1, 0.5f);
    assertThat(ranges.range(ActivationPoint.OUTPUT_NORM.once()))
        .isEqualTo(new ActivationRange(0, 1e-3f));
    assertThat(ranges.smoothing(ActivationPoint.OUTPUT_NORM.once())).isEmpty();
  }

  @Test
  void refusesEveryTruncation() {
    Refused.whereverCut(
        VALID.strip().getBytes(StandardCharsets.UTF_8),
        folder.resolve("ranges.json"),
        ActivationRangesFile::read);
  }

  @ParameterizedTest
  @CsvSource(
      quoteCharacter = '`',
      delimiter = '|',
      textBlock =
          """
          "activation_ranges": 1  | "activation_ranges": 2   | found 2
          "activation_ranges": 1, | ``                       | found none
          "ranges"                | "others"                 | a list of ranges
          "attended"              | "nowhere"                | found nowhere
          "attended"              | 3                        | a string in field point
          "layer": 3              | "layer": 3.5             | found 3.5
          "layer": 3              | "layer": -1              | found -1
          "layer": 3              | "layer": 1e300           | number of a layer
          "low": -1.5             | "low": 3                 | found 3 and 2
          "low": -1.5             | "low": NaN               | a number in field low
          "high": 2,              | ``                       | low and high
          "high": 2               | "high": 1e300            | found -1.5 and 1
          0.5]                    | 0]                       | positive numbers, found 0
          0.5]                    | -1]                      | positive numbers, found -1
          0.5]                    | 1e-45]                   | positive numbers
          0.5]                    | "x"]                     | a list of numbers
          "point": "output_norm"  | "point": "attended", "layer": 3 | once, found it again
          """)
  void refusesWhatIsNoRange(String part, String other, String found) {
    Path file = write(VALID.replace(part, other));
    Refused.asBad(file, found, () -> ActivationRangesFile.read(file));
  }
}
