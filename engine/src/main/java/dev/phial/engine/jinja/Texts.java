package dev.phial.engine.jinja;

import java.util.Locale;

/** Strings as Python has them. */
final class Texts {
  private Texts() {}

  /** Python's {@code str.isspace} of one character. */
  static boolean isBlank(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  static String strip(String text) {
    return stripStart(stripEnd(text));
  }

  static String stripStart(String text) {
    int start = 0;
    while (start < text.length() && isBlank(text.charAt(start))) {
      start++;
    }
    return text.substring(start);
  }

  static String stripEnd(String text) {
    int end = text.length();
    while (end > 0 && isBlank(text.charAt(end - 1))) {
      end--;
    }
    return text.substring(0, end);
  }

  static String stripStart(String text, String characters) {
    int start = 0;
    while (start < text.length() && characters.indexOf(text.charAt(start)) >= 0) {
      start++;
    }
    return text.substring(start);
  }

  static String stripEnd(String text, String characters) {
    int end = text.length();
    while (end > 0 && characters.indexOf(text.charAt(end - 1)) >= 0) {
      end--;
    }
    return text.substring(0, end);
  }

  /** Python's {@code str.title}: a letter after none is upper case, others are lower case. */
  static String title(String text) {
    StringBuilder result = new StringBuilder();
    boolean inWord = false;
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      result.append(inWord ? Character.toLowerCase(c) : Character.toTitleCase(c));
      inWord = Character.isLetter(c);
    }
    return result.toString();
  }

  static String capitalize(String text) {
    return text.isEmpty()
        ? text
        : text.substring(0, 1).toUpperCase(Locale.ROOT)
            + text.substring(1).toLowerCase(Locale.ROOT);
  }

  /** Python's {@code str.islower}: some letter with a case, and none in upper case. */
  static boolean isLower(String text) {
    return text.codePoints().anyMatch(Character::isLowerCase)
        && text.codePoints().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }

  static boolean isUpper(String text) {
    return text.codePoints().anyMatch(Character::isUpperCase)
        && text.codePoints().noneMatch(c -> Character.isLowerCase(c) || Character.isTitleCase(c));
  }

  /** The escapes of a Python string; a backslash before anything else stands for itself. */
  static String unescape(String text) {
    if (text.indexOf('\\') < 0) {
      return text;
    }
    StringBuilder result = new StringBuilder();
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      if (c != '\\' || at + 1 == text.length()) {
        result.append(c);
        continue;
      }
      char escape = text.charAt(++at);
      switch (escape) {
        case '\n' -> {}
        case '\\', '\'', '"' -> result.append(escape);
        case 'a' -> result.append('\u0007');
        case 'b' -> result.append('\b');
        case 'f' -> result.append('\f');
        case 'n' -> result.append('\n');
        case 'r' -> result.append('\r');
        case 't' -> result.append('\t');
        case 'v' -> result.append('\u000B');
        case 'x' -> at = codePoint(text, at, 2, result);
        case 'u' -> at = codePoint(text, at, 4, result);
        case 'U' -> at = codePoint(text, at, 8, result);
        default -> result.append('\\').append(escape);
      }
    }
    return result.toString();
  }

  /** Appends the character whose hexadecimal number follows; returns where it ends. */
  private static int codePoint(String text, int at, int digits, StringBuilder result) {
    int end = at + 1 + digits;
    if (end > text.length() || !text.substring(at + 1, end).matches("[0-9a-fA-F]+")) {
      throw new TemplateException("a string holds a broken escape");
    }
    long number = Long.parseLong(text.substring(at + 1, end), 16);
    if (number > Character.MAX_CODE_POINT) {
      throw new TemplateException("a string holds a broken escape");
    }
    result.appendCodePoint((int) number);
    return end - 1;
  }
}
