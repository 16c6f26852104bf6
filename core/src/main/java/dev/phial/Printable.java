package dev.phial;

/**
 * Text that may come from a file, made fit for a message: it neither floods a terminal nor steers
 * it.
 */
public final class Printable {
  private Printable() {}

  /** Spells out control characters and the like, and cuts what gets longer than {@code longest}. */
  public static String of(String text, int longest) {
    StringBuilder result = new StringBuilder();
    int at = 0;
    while (at < text.length() && result.length() < longest) {
      int c = text.codePointAt(at);
      result.append(is(c) ? Character.toString(c) : "\\u{%x}".formatted(c));
      at += Character.charCount(c);
    }
    return at < text.length() ? result.append('…').toString() : result.toString();
  }

  /**
   * A text of any length with its newlines and tabs, as a model may have written it: what would
   * steer a terminal is spelled out.
   */
  public static String lines(String text) {
    return spelled(text, "\\u{%x}");
  }

  /** JSON in which what would steer a terminal is escaped; it says the same. */
  public static String json(String json) {
    return spelled(json, "\\u%04x");
  }

  private static String spelled(String text, String format) {
    if (text.chars().noneMatch(Printable::steers)) {
      return text;
    }
    StringBuilder result = new StringBuilder();
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      if (steers(c)) {
        result.append(format.formatted((int) c));
      } else {
        result.append(c);
      }
    }
    return result.toString();
  }

  /** Control characters, newlines and tabs aside, and those that turn the direction of writing. */
  private static boolean steers(int c) {
    return Character.isISOControl(c) && c != '\n' && c != '\t'
        || c >= '\u202A' && c <= '\u202E'
        || c >= '\u2066' && c <= '\u2069';
  }

  /** Whether a code point shows as itself. */
  public static boolean is(int c) {
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
}
