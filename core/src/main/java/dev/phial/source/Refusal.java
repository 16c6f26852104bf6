package dev.phial.source;

import dev.phial.PhialException;
import java.nio.file.Path;
import java.util.Arrays;
import tools.jackson.core.JacksonException;

/**
 * Words the readers' refusals. Text that comes from a file is cut and its control characters are
 * spelled out, so a message never floods a terminal or steers it.
 */
final class Refusal {
  private static final int LONGEST_TEXT = 512;

  private Refusal() {}

  /** The file breaks a rule. */
  static PhialException bad(Path file, String message, Object... details) {
    return new PhialException.BadInput(text(file, message, details));
  }

  /** The file is sound, but of a kind that is not read. */
  static PhialException unsupported(Path file, String message, Object... details) {
    return new PhialException.Unsupported(text(file, message, details));
  }

  /** The file is not JSON; the parser's message quotes it. */
  static PhialException malformed(Path file, JacksonException e) {
    return bad(
        file,
        "expected JSON, found an error: %s; is the file cut off or damaged?",
        e.getOriginalMessage());
  }

  /**
   * A tensor or metadata name that later messages can print as it is.
   *
   * @throws PhialException.BadInput if it is longer than any name, or holds control characters
   */
  static String name(Path file, String name) {
    if (name.length() > LONGEST_TEXT || !name.codePoints().allMatch(Refusal::isPrintable)) {
      throw bad(
          file,
          "expected names of at most %d printable characters, found %s; the file is damaged",
          LONGEST_TEXT,
          name);
    }
    return name;
  }

  static String printable(String text) {
    StringBuilder result = new StringBuilder();
    text.codePoints()
        .limit(LONGEST_TEXT)
        .forEach(c -> {
          if (isPrintable(c)) {
            result.appendCodePoint(c);
          } else {
            result.append("\\u{%x}".formatted(c));
          }
        });
    return text.codePointCount(0, text.length()) > LONGEST_TEXT
        ? result.append('…').toString()
        : result.toString();
  }

  private static boolean isPrintable(int c) {
    return switch (Character.getType(c)) {
      case Character.CONTROL,
          Character.FORMAT, // among them those that turn the direction of writing
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR,
          Character.SURROGATE,
          Character.PRIVATE_USE,
          Character.UNASSIGNED ->
          false;
      default -> true;
    };
  }

  private static String text(Path file, String message, Object... details) {
    Object[] shown =
        Arrays.stream(details)
            .map(d -> d instanceof Number ? d : printable(String.valueOf(d)))
            .toArray();
    return file + ": " + message.formatted(shown);
  }
}
