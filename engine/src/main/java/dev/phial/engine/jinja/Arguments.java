package dev.phial.engine.jinja;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The values a filter, test, method or macro is called with. */
record Arguments(List<@Nullable Object> values, Map<String, @Nullable Object> named) {
  static final Arguments NONE = new Arguments(List.of(), Map.of());

  boolean has(int place, String name) {
    return place < values.size() || named.containsKey(name);
  }

  @Nullable Object get(int place, String name, @Nullable Object otherwise) {
    if (place < values.size()) {
      return values.get(place);
    }
    return named.containsKey(name) ? named.get(name) : otherwise;
  }

  /**
   * @throws TemplateException if it is missing
   */
  @Nullable Object require(int place, String name) {
    if (!has(place, name)) {
      throw new TemplateException("expected an argument '%s'".formatted(name));
    }
    return get(place, name, null);
  }

  String text(int place, String name, String otherwise) {
    if (get(place, name, otherwise) instanceof String text) {
      return text;
    }
    throw new TemplateException("expected a string for '%s'".formatted(name));
  }

  long whole(int place, String name, long otherwise) {
    if (get(place, name, otherwise) instanceof Long whole) {
      return whole;
    }
    throw new TemplateException("expected a whole number for '%s'".formatted(name));
  }

  boolean flag(int place, String name, boolean otherwise) {
    return Values.isTrue(get(place, name, otherwise));
  }

  /** The values from a place on. */
  Arguments from(int place) {
    return new Arguments(values.subList(Math.min(place, values.size()), values.size()), named);
  }
}
