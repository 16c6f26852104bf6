package dev.phial.io;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.charset.StandardCharsets;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class PythonJsonTest {
  /** What {@code repr} says. */
  @ParameterizedTest
  @CsvSource({
    "0, 0.0",
    "-0.0, -0.0",
    "1, 1.0",
    "-1.5, -1.5",
    "0.1, 0.1",
    "0.0001, 0.0001",
    "0.00001, 1e-05",
    "0.000012345, 1.2345e-05",
    "10000, 10000.0",
    "250000.5, 250000.5",
    "1e15, 1000000000000000.0",
    "9007199254740993, 9007199254740992.0",
    "1e16, 1e+16",
    "1.25e20, 1.25e+20",
    "1.7976931348623157e308, 1.7976931348623157e+308",
    "2.5e-100, 2.5e-100",
    "0.30000000000000004, 0.30000000000000004"
  })
  void writesNumbersAsPython(double number, String expected) {
    assertThat(PythonJson.repr(number)).isEqualTo(expected);
  }

  @Test
  void writesTextAsPython() {
    String json =
        """
        {"a": [1, 2.0, 1e-5, 12345678901234567890, true, null], "b": {}, "c": [],
         "d": {"é\\u0007\\n\\"\\\\": "😀\\u007f"}}\
        """;
    assertThat(new String(PythonJson.dump(Json.MAPPER.readTree(json), 2), StandardCharsets.UTF_8))
        .isEqualTo(
            """
            {
              "a": [
                1,
                2.0,
                1e-05,
                12345678901234567890,
                true,
                null
              ],
              "b": {},
              "c": [],
              "d": {
                "\\u00e9\\u0007\\n\\"\\\\": "\\ud83d\\ude00\\u007f"
              }
            }\
            """);
  }
}
