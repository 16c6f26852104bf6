package dev.phial.engine.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** Python's {@code strftime} in the C locale. */
public final class TimeFormat {
  /** Directives to the patterns of {@link DateTimeFormatter}. */
  private static final Map<Character, String> PATTERNS =
      Map.ofEntries(
          Map.entry('a', "EEE"),
          Map.entry('A', "EEEE"),
          Map.entry('b', "MMM"),
          Map.entry('B', "MMMM"),
          Map.entry('d', "dd"),
          Map.entry('H', "HH"),
          Map.entry('I', "hh"),
          Map.entry('j', "DDD"),
          Map.entry('m', "MM"),
          Map.entry('M', "mm"),
          Map.entry('p', "a"),
          Map.entry('S', "ss"),
          Map.entry('y', "yy"),
          Map.entry('Y', "yyyy"),
          Map.entry('F', "yyyy-MM-dd"),
          Map.entry('T', "HH:mm:ss"));

  private TimeFormat() {}

  /**
   * What {@code time.strftime(format)} gives.
   *
   * @throws TemplateException if the format holds a directive that no chat template needs
   */
  public static String format(LocalDateTime time, String format) {
    StringBuilder result = new StringBuilder();
    for (int at = 0; at < format.length(); at++) {
      char c = format.charAt(at);
      if (c != '%' || at + 1 == format.length()) {
        result.append(c);
        continue;
      }
      char directive = format.charAt(++at);
      boolean padded = directive != '-';
      if (!padded && at + 1 < format.length()) {
        directive = format.charAt(++at); // glibc's way to drop zeros
      }
      if (directive == '%') {
        result.append('%');
        continue;
      }
      String pattern = PATTERNS.get(directive);
      if (pattern == null) {
        throw new TemplateException("no time directive '%%%c'".formatted(directive));
      }
      String text = DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH).format(time);
      result.append(padded ? text : text.replaceFirst("^0+(?=\\d)", ""));
    }
    return result.toString();
  }
}
