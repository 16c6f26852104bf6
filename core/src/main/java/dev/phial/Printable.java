package dev.phial;

/**
 * Text that may come from a file, made fit for a message: it neither floods a terminal nor steers
 * it.
 */
public final class Printable {
  private Printable() {}

  /** Spells out control characters and the like, and cuts what is longer than {@code longest}. */
  public static String of(String text, int longest) {
    StringBuilder result = new StringBuilder();
    text.codePoints()
        .limit(longest)
        .forEach(c -> {
          if (is(c)) {
            result.appendCodePoint(c);
          } else {
            result.append("\\u{%x}".formatted(c));
          }
        });
    boolean cut = text.length() > longest && text.codePointCount(0, text.length()) > longest;
    return cut ? result.append('…').toString() : result.toString();
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
