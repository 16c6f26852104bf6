package dev.phial.engine.jinja;

import java.util.BitSet;
import java.util.Locale;
import java.util.function.IntPredicate;

/** Strings as Python has them. */
final class Texts {
  private Texts() {}

  /** Python's {@code str.isspace} of one character. */
  static boolean isBlank(int c) {
    return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == 0x85;
  }

  static String strip(String text) {
    return strip(text, Texts::isBlank, true, true);
  }

  static String stripEnd(String text) {
    return strip(text, Texts::isBlank, false, true);
  }

  /** Drops the given characters from the start, the end or both. */
  static String strip(String text, String characters, boolean start, boolean end, Budget budget) {
    budget.characters(characters.length());
    BitSet set = new BitSet();
    characters.codePoints().forEach(set::set);
    return strip(text, set::get, start, end);
  }

  static String strip(String text, IntPredicate drops, boolean start, boolean end) {
    int from = 0;
    int to = text.length();
    while (start && from < to && drops.test(text.codePointAt(from))) {
      from += Character.charCount(text.codePointAt(from));
    }
    while (end && from < to && drops.test(text.codePointBefore(to))) {
      to -= Character.charCount(text.codePointBefore(to));
    }
    return text.substring(from, to);
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

  static String capitalize(String text, Budget budget) {
    int first = text.isEmpty() ? 0 : Character.charCount(text.codePointAt(0));
    return upper(text.substring(0, first), budget) + lower(text.substring(first), budget);
  }

  /** Python's {@code str.upper}. The library's would copy the whole for each ß, which grows. */
  static String upper(String text, Budget budget) {
    TextBuilder result = new TextBuilder(budget);
    text.codePoints()
        .forEach(c -> {
          if (c < 128 || isUnchanging(c)) {
            result.appendCodePoint(Character.toUpperCase(c));
          } else {
            result.append(Character.toString(c).toUpperCase(Locale.ROOT));
          }
        });
    return result.toString();
  }

  private static boolean isUnchanging(int c) {
    return Character.toUpperCase(c) == c && !Character.isLowerCase(c) && !Character.isTitleCase(c);
  }

  /**
   * Python's {@code str.lower}. The library's would copy the whole for each İ, which grows, and
   * look through it for each Σ, which is ς at the end of a word.
   */
  static String lower(String text, Budget budget) {
    budget.characters(text.length());
    StringBuilder result = new StringBuilder(text.length());
    boolean isInWord = false;
    int open = -1; // where a σ stands that may be at the end of a word
    for (int at = 0; at < text.length(); at += Character.charCount(text.codePointAt(at))) {
      int c = text.codePointAt(at);
      if (!isIgnorable(c)) {
        boolean isCased =
            Character.isLowerCase(c) || Character.isUpperCase(c) || Character.isTitleCase(c);
        if (open >= 0 && !isCased) {
          result.setCharAt(open, 'ς');
        }
        open = c == 'Σ' && isInWord ? result.length() : -1;
        isInWord = isCased;
      }
      if (c == 'İ') {
        result.append("i\u0307");
      } else {
        result.appendCodePoint(Character.toLowerCase(c));
      }
    }
    if (open >= 0) {
      result.setCharAt(open, 'ς');
    }
    return result.toString();
  }

  /** Unicode's {@code Case_Ignorable}: what is no letter and ends no word. */
  private static boolean isIgnorable(int c) {
    return switch (Character.getType(c)) {
      case Character.NON_SPACING_MARK,
          Character.ENCLOSING_MARK,
          Character.FORMAT,
          Character.MODIFIER_LETTER,
          Character.MODIFIER_SYMBOL ->
          true;
      default ->
          "'.:·\u0387\u055F\u05F4\u2018\u2019\u2024\u2027\uFE13\uFE52\uFE55\uFF07\uFF0E\uFF1A"
                  .indexOf(c)
              >= 0;
    };
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
