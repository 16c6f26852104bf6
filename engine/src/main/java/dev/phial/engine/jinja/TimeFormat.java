package dev.phial.engine.jinja;

import java.time.LocalDateTime;
import java.time.format.DateTimeFormatter;
import java.util.Locale;
import java.util.Map;

/** Python's {@code strftime} in the C locale. */
public final class TimeFormat {
  /** By directive. */
  private static final Map<Character, DateTimeFormatter> FORMATS =
      Map.ofEntries(
          entry('a', "EEE"),
          entry('A', "EEEE"),
          entry('b', "MMM"),
          entry('B', "MMMM"),
          entry('d', "dd"),
          entry('H', "HH"),
          entry('I', "hh"),
          entry('j', "DDD"),
          entry('m', "MM"),
          entry('M', "mm"),
          entry('p', "a"),
          entry('S', "ss"),
          entry('y', "yy"),
          entry('Y', "yyyy"),
          entry('F', "yyyy-MM-dd"),
          entry('T', "HH:mm:ss"));

  private static final int LONGEST = 1000;

  private TimeFormat() {}

  private static Map.Entry<Character, DateTimeFormatter> entry(char directive, String pattern) {
    return Map.entry(directive, DateTimeFormatter.ofPattern(pattern, Locale.ENGLISH));
  }

  /**
   * What {@code time.strftime(format)} gives.
   *
   * @throws TemplateException if the format holds a directive that no chat template needs
   */
  public static String format(LocalDateTime time, String format) {
    if (format.length() > LONGEST) {
      throw new TemplateException(
          "expected a time format of at most %d characters, found %d"
              .formatted(LONGEST, format.length()));
    }
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
      DateTimeFormatter known = FORMATS.get(directive);
      if (known == null) {
        throw new TemplateException("no time directive '%%%c'".formatted(directive));
      }
      String text = known.format(time);
      result.append(padded ? text : text.replaceFirst("^0+(?=\\d)", ""));
    }
    return result.toString();
  }
}
