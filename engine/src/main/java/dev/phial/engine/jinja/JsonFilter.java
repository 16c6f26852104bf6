package dev.phial.engine.jinja;

import dev.phial.io.PythonJson;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * The filter {@code tojson}: writes JSON as Python's {@code json.dumps} does, blanks after commas
 * and colons included.
 */
final class JsonFilter {
  private static final int PART = 1 << 12; // of a text that is escaped at once

  private final Budget budget;
  private final boolean ascii;
  private final boolean sorts;
  private final @Nullable String indent; // of one level, or null for a single line
  private final String comma;
  private final String colon;
  private final TextBuilder to;

  private JsonFilter(
      Budget budget,
      boolean ascii,
      boolean sorts,
      @Nullable String indent,
      String comma,
      String colon) {
    this.budget = budget;
    this.ascii = ascii;
    this.sorts = sorts;
    this.indent = indent;
    this.comma = comma;
    this.colon = colon;
    this.to = new TextBuilder(budget);
  }

  /**
   * The {@code tojson} that transformers gives templates.
   *
   * @param arguments {@code ensure_ascii}, {@code indent}, {@code separators}, {@code sort_keys}
   */
  static String write(@Nullable Object value, Arguments arguments, Budget budget) {
    Object indent = arguments.get(1, "indent", null);
    String unit =
        switch (indent) {
          case null -> null;
          case Long count -> new TextBuilder(budget).repeat(" ", count).toString();
          case String text -> text;
          default -> throw new TemplateException("expected a number for 'indent'");
        };
    String comma = unit == null ? ", " : ",";
    String colon = ": ";
    if (arguments.get(2, "separators", null) instanceof List<?> separators) {
      if (separators.size() != 2
          || !(separators.getFirst() instanceof String first)
          || !(separators.getLast() instanceof String second)) {
        throw new TemplateException("expected two strings for 'separators'");
      }
      comma = first;
      colon = second;
    }
    JsonFilter json =
        new JsonFilter(
            budget,
            arguments.flag(0, "ensure_ascii", false),
            arguments.flag(3, "sort_keys", false),
            unit,
            comma,
            colon);
    json.value(value, 0);
    return json.to.toString();
  }

  private void value(@Nullable Object value, int level) {
    budget.enter();
    switch (value) {
      case null -> to.append("null");
      case Boolean flag -> to.append(flag.toString());
      case Long whole -> to.append(whole.toString());
      case Double real -> to.append(real(real));
      case String text -> string(text);
      case List<?> list -> list(list, level);
      case Map<?, ?> map -> map(map, level);
      default -> throw new TemplateException(Values.type(value) + " cannot be written as JSON");
    }
    budget.leave();
  }

  private void list(List<?> list, int level) {
    to.append('[');
    for (int i = 0; i < list.size(); i++) {
      separate(i, level + 1);
      value(list.get(i), level + 1);
    }
    end(list.isEmpty(), level);
    to.append(']');
  }

  private void map(Map<?, ?> map, int level) {
    to.append('{');
    Map<String, @Nullable Object> entries = sorts ? new TreeMap<>() : new LinkedHashMap<>();
    map.forEach((key, value) -> entries.put(key(key), value));
    int i = 0;
    for (Map.Entry<String, @Nullable Object> entry : entries.entrySet()) {
      separate(i++, level + 1);
      string(entry.getKey());
      to.append(colon);
      value(entry.getValue(), level + 1);
    }
    end(map.isEmpty(), level);
    to.append('}');
  }

  private String key(@Nullable Object key) {
    return switch (key) {
      case null -> "null";
      case String text -> text;
      case Double real -> real(real);
      default -> key.toString(); // a whole number or a flag
    };
  }

  private String real(double value) {
    return Double.isFinite(value) ? Values.repr(value, budget) : PythonJson.repr(value);
  }

  private void separate(int place, int level) {
    if (place > 0) {
      to.append(comma);
    }
    newLine(level);
  }

  private void end(boolean isEmpty, int level) {
    if (!isEmpty) {
      newLine(level);
    }
  }

  private void newLine(int level) {
    if (indent != null) {
      to.append('\n').repeat(indent, level);
    }
  }

  private void string(String text) {
    to.append('"');
    for (int at = 0; at < text.length(); at += PART) {
      StringBuilder part = new StringBuilder();
      PythonJson.escape(text.substring(at, Math.min(text.length(), at + PART)), ascii, part);
      to.append(part.toString());
    }
    to.append('"');
  }
}
