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
