package dev.phial.engine.chat;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/** Writes JSON as Python's {@code json.dumps} does, blanks after commas and colons included. */
final class PythonJson {
  private final Budget budget;
  private final boolean ascii;
  private final boolean sorts;
  private final @Nullable String indent; // of one level, or null for a single line
  private final String comma;
  private final String colon;
  private final StringBuilder to = new StringBuilder();

  private PythonJson(
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
          case Long count -> " ".repeat(Math.clamp(count, 0, 16));
          case String text -> text;
          default -> throw new TemplateException("expected a number for 'indent'");
        };
    String comma = unit == null ? ", " : ",";
    String colon = ": ";
    if (arguments.get(2, "separators", null) instanceof List<?> separators
        && separators.size() == 2) {
      comma = String.valueOf(separators.get(0));
      colon = String.valueOf(separators.get(1));
    }
    PythonJson json =
        new PythonJson(
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
    int start = to.length();
    switch (value) {
      case null -> to.append("null");
      case Boolean flag -> to.append(flag.booleanValue());
      case Long whole -> to.append(whole);
      case Double real -> to.append(real(real));
      case String text -> string(text);
      case List<?> list -> list(list, level);
      case Map<?, ?> map -> map(map, level);
      default -> throw new TemplateException(Values.type(value) + " cannot be written as JSON");
    }
    budget.characters(to.length() - start);
    budget.leave();
  }

  private static String real(double value) {
    if (Double.isNaN(value)) {
      return "NaN";
    }
    return Double.isInfinite(value) ? (value > 0 ? "Infinity" : "-Infinity") : Values.real(value);
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

  private static String key(@Nullable Object key) {
    return switch (key) {
      case null -> "null";
      case Double real -> real(real);
      default -> String.valueOf(key);
    };
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
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      switch (c) {
        case '"' -> to.append("\\\"");
        case '\\' -> to.append("\\\\");
        case '\n' -> to.append("\\n");
        case '\r' -> to.append("\\r");
        case '\t' -> to.append("\\t");
        case '\b' -> to.append("\\b");
        case '\f' -> to.append("\\f");
        default -> {
          if (c < ' ' || ascii && c > '~') {
            to.append("\\u%04x".formatted((int) c));
          } else {
            to.append(c);
          }
        }
      }
    }
    to.append('"');
  }
}
