package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.Printable;
import java.nio.file.Path;
import java.util.Arrays;

/**
 * Words the readers' refusals. What comes from a file is cut detail by detail, so that the rest of
 * the sentence stays in sight.
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

  /**
   * A tensor or metadata name that later messages can print as it is.
   *
   * @throws PhialException.BadInput if it is longer than any name, or holds control characters
   */
  static String name(Path file, String name) {
    if (name.length() > LONGEST_TEXT || !name.codePoints().allMatch(Printable::is)) {
      throw bad(
          file,
          "expected names of at most %d printable characters, found %s; the file is damaged",
          LONGEST_TEXT,
          name);
    }
    return name;
  }

  private static String text(Path file, String message, Object... details) {
    Object[] shown =
        Arrays.stream(details)
            .map(d -> d instanceof Number ? d : Printable.of(String.valueOf(d), LONGEST_TEXT))
            .toArray();
    return file + ": " + message.formatted(shown);
  }
}
