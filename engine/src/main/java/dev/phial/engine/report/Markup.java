package dev.phial.engine.report;

import dev.phial.Printable;
import java.util.Base64;
import java.util.Locale;

/** Collects the markup of a page. */
final class Markup {
  private static final int LONGEST = 1000;

  private final StringBuilder markup = new StringBuilder();

  /** Text that comes from a file or the user can be nothing but text. */
  static String escape(String text) {
    return Printable.of(text, LONGEST)
        .replace("&", "&amp;")
        .replace("<", "&lt;")
        .replace(">", "&gt;")
        .replace("\"", "&quot;")
        .replace("'", "&#39;");
  }

  /**
   * Adds markup.
   *
   * @param format of {@link String#format}; texts among the values are escaped
   */
  Markup add(String format, Object... values) {
    Object[] safe = values.clone();
    for (int i = 0; i < safe.length; i++) {
      safe[i] = safe[i] instanceof String text ? escape(text) : safe[i];
    }
    markup.append(String.format(Locale.ROOT, format, safe)).append('\n');
    return this;
  }

  /** Adds rules of style. */
  Markup addStyle(String rules) {
    markup.append("<style>\n").append(rules).append("</style>\n");
    return this;
  }

  /** Adds a link that saves a file, which the page holds. */
  Markup addFile(String name, String type, byte[] content) {
    markup.append(
        "<a download=\"%s\" href=\"data:%s;base64,%s\">%s</a>%n"
            .formatted(
                escape(name), type, Base64.getEncoder().encodeToString(content), escape(name)));
    return this;
  }

  /** Adds markup that another made. */
  Markup add(Markup other) {
    markup.append(other.markup);
    return this;
  }

  @Override
  public String toString() {
    return markup.toString();
  }
}
