package dev.phial;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

final class PrintableTest {
  private static final String STEERING = "a\u001B[2J\r\u0007\u007F\u009B\u202E\u2066b";

  @Test
  void spellsOutWhatSteersATerminal() {
    assertThat(Printable.lines(STEERING))
        .isEqualTo("a\\u{1b}[2J\\u{d}\\u{7}\\u{7f}\\u{9b}\\u{202e}\\u{2066}b");
    assertThat(Printable.of(STEERING, 99)).isEqualTo(Printable.lines(STEERING));
  }

  @Test
  void keepsLinesAndAllWriting() {
    String text = "a\n\tb é 日本語 👩\u200D💻 می\u200Cخواهم \u00AD\u00A0";
    assertThat(Printable.lines(text)).isEqualTo(text);
    assertThat(Printable.json(text)).isEqualTo(text);
  }

  @Test
  void escapesInJson() {
    assertThat(Printable.json("{\n\t\"a\": \"\u007F\u009B\u202E\"\n}"))
        .isEqualTo("{\n\t\"a\": \"\\u007f\\u009b\\u202e\"\n}");
  }
}
