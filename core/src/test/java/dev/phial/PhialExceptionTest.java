package dev.phial;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

final class PhialExceptionTest {
  static Stream<PhialException> all() {
    String hostile = "a\u001b[2J\n\u202e\ud800é" + "\u0000".repeat(100_000);
    return Stream.of(
        new PhialException.Usage(hostile),
        new PhialException.BadInput(hostile, new Error(hostile)),
        new PhialException.Unsupported(hostile),
        new PhialException.OutputFailed(hostile));
  }

  @ParameterizedTest
  @MethodSource("all")
  void messagesAreOneLineThatIsSafeToPrint(PhialException e) {
    assertThat(e)
        .message()
        .startsWith("a\\u{1b}[2J\\u{a}\\u{202e}\\u{d800}é\\u{0}")
        .endsWith("\\u{0}…")
        .hasSizeLessThan(4010);
    assertThat(e.toString()).doesNotContainPattern("\\p{Cntrl}");
  }
}
