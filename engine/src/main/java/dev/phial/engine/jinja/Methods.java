package dev.phial.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings, dicts and lists that change nothing. */
final class Methods {
  private Methods() {}

  /** A method of a value, if it has one of that name. */
  static Optional<Function> find(@Nullable Object of, String name, Budget budget) {
    return switch (of) {
      case String text -> ofString(text, name, budget);
      case Map<?, ?> map -> ofDict(map, name, budget);
      case List<?> list -> ofList(list, name, budget);
      case null, default -> Optional.empty();
    };
  }

  private static Optional<Function> ofDict(Map<?, ?> map, String name, Budget budget) {
    return Optional.ofNullable(
        switch (name) {
          case "items" -> arguments -> items(map, budget);
          case "keys" -> arguments -> Values.items(map, budget);
          case "values" ->
              arguments -> {
                budget.steps(map.size());
                return new ArrayList<@Nullable Object>(map.values());
              };
          case "get" ->
              arguments -> {
                Object key = arguments.require(0, "key");
                return map.containsKey(key) ? map.get(key) : arguments.get(1, "default", null);
              };
          default -> null;
        });
  }

  /** Pairs of key and value. */
  static List<@Nullable Object> items(Map<?, ?> map, Budget budget) {
    budget.steps(3L * map.size());
    List<@Nullable Object> items = new ArrayList<>();
    for (Map.Entry<?, ?> entry : map.entrySet()) {
      List<@Nullable Object> pair = new ArrayList<>();
      pair.add(entry.getKey());
      pair.add(entry.getValue());
      items.add(pair);
    }
    return items;
  }

  private static Optional<Function> ofList(List<?> list, String name, Budget budget) {
    return Optional.ofNullable(
        switch (name) {
          case "count" ->
              arguments ->
                  list.stream()
                      .filter(item -> Values.areEqual(item, arguments.require(0, "x"), budget))
                      .count();
          case "index" ->
              arguments -> {
                for (int i = 0; i < list.size(); i++) {
                  if (Values.areEqual(list.get(i), arguments.require(0, "x"), budget)) {
                    return (long) i;
                  }
                }
                throw new TemplateException("it is not in the list");
              };
          default -> null;
        });
  }

  private static Optional<Function> ofString(String text, String name, Budget budget) {
    Function method =
        switch (name) {
          case "strip" -> a -> strip(text, a, true, true);
          case "lstrip" -> a -> strip(text, a, true, false);
          case "rstrip" -> a -> strip(text, a, false, true);
          case "upper" -> a -> text.toUpperCase(Locale.ROOT);
          case "lower" -> a -> text.toLowerCase(Locale.ROOT);
          case "title" -> a -> Texts.title(text);
          case "capitalize" -> a -> Texts.capitalize(text);
          case "startswith" -> a -> hasPart(text, a, true);
          case "endswith" -> a -> hasPart(text, a, false);
          case "removeprefix" ->
              a -> {
                String part = a.text(0, "prefix", "");
                return text.startsWith(part) ? text.substring(part.length()) : text;
              };
          case "removesuffix" ->
              a -> {
                String part = a.text(0, "suffix", "");
                return text.endsWith(part)
                    ? text.substring(0, text.length() - part.length())
                    : text;
              };
          case "split" -> a -> split(text, a, budget);
          case "rsplit" -> a -> splitFromEnd(text, a, budget);
          case "splitlines" ->
              a -> {
                budget.steps(text.length());
                return new ArrayList<@Nullable Object>(text.lines().toList());
              };
          case "replace" ->
              a ->
                  replace(
                      text,
                      a.text(0, "old", ""),
                      a.text(1, "new", ""),
                      a.whole(2, "count", -1),
                      budget);
          case "find" -> a -> place(text, text.indexOf(a.text(0, "sub", "")));
          case "rfind" -> a -> place(text, text.lastIndexOf(a.text(0, "sub", "")));
          case "count" -> a -> count(text, a.text(0, "sub", ""));
          case "join" -> a -> join(a.require(0, "iterable"), text, budget);
          case "isdigit" -> a -> !text.isEmpty() && text.codePoints().allMatch(Character::isDigit);
          case "isalpha" -> a -> !text.isEmpty() && text.codePoints().allMatch(Character::isLetter);
          case "isalnum" ->
              a -> !text.isEmpty() && text.codePoints().allMatch(Character::isLetterOrDigit);
          case "isspace" -> a -> !text.isEmpty() && text.codePoints().allMatch(Texts::isBlank);
          case "isupper" -> a -> Texts.isUpper(text);
          case "islower" -> a -> Texts.isLower(text);
          default -> null;
        };
    return Optional.ofNullable(method)
        .map(found ->
            arguments -> {
              budget.characters(text.length());
              return found.call(arguments);
            });
  }

  private static String strip(String text, Arguments arguments, boolean start, boolean end) {
    String result = text;
    if (arguments.get(0, "chars", null) instanceof String characters) {
      result = start ? Texts.stripStart(result, characters) : result;
      return end ? Texts.stripEnd(result, characters) : result;
    }
    result = start ? Texts.stripStart(result) : result;
    return end ? Texts.stripEnd(result) : result;
  }

  /** Whether the text starts or ends with one of the parts. */
  private static boolean hasPart(String text, Arguments arguments, boolean start) {
    Object parts = arguments.require(0, "prefix");
    List<?> all = parts instanceof List<?> list ? list : List.of(String.valueOf(parts));
    return all.stream()
        .map(String::valueOf)
        .anyMatch(part -> start ? text.startsWith(part) : text.endsWith(part));
  }

  private static List<@Nullable Object> split(String text, Arguments arguments, Budget budget) {
    long most = arguments.whole(1, "maxsplit", -1);
    List<@Nullable Object> parts = new ArrayList<>();
    if (arguments.get(0, "sep", null) instanceof String separator) {
      checkSeparator(separator);
      int start = 0;
      for (int end = text.indexOf(separator);
          end >= 0 && (most < 0 || parts.size() < most);
          end = text.indexOf(separator, start)) {
        parts.add(text.substring(start, end));
        start = end + separator.length();
      }
      parts.add(text.substring(start));
    } else {
      String rest = Texts.stripStart(text);
      while (!rest.isEmpty() && (most < 0 || parts.size() < most)) {
        int end = 0;
        while (end < rest.length() && !Texts.isBlank(rest.charAt(end))) {
          end++;
        }
        parts.add(rest.substring(0, end));
        budget.characters(rest.length());
        rest = Texts.stripStart(rest.substring(end));
      }
      if (!rest.isEmpty()) {
        parts.add(rest);
      }
    }
    budget.steps(parts.size());
    return parts;
  }

  private static List<@Nullable Object> splitFromEnd(
      String text, Arguments arguments, Budget budget) {
    String separator = arguments.text(0, "sep", " ");
    checkSeparator(separator);
    long most = arguments.whole(1, "maxsplit", -1);
    List<@Nullable Object> parts = new ArrayList<>();
    int end = text.length();
    for (int at = text.lastIndexOf(separator);
        at >= 0 && (most < 0 || parts.size() < most);
        at = at == 0 ? -1 : text.lastIndexOf(separator, at - separator.length())) {
      parts.addFirst(text.substring(at + separator.length(), end));
      end = at;
      if (at < separator.length()) {
        break;
      }
    }
    parts.addFirst(text.substring(0, end));
    budget.steps(parts.size());
    return parts;
  }

  private static void checkSeparator(String separator) {
    if (separator.isEmpty()) {
      throw new TemplateException("an empty separator");
    }
  }

  /** Python's {@code str.replace}, of the first {@code most} or with -1 of all. */
  static String replace(String text, String old, String by, long most, Budget budget) {
    StringBuilder result = new StringBuilder();
    int start = 0;
    for (long i = 0; most < 0 || i < most; i++) {
      int at = text.indexOf(old, start + (old.isEmpty() && i > 0 ? 1 : 0));
      if (at < 0 || at == start && old.isEmpty() && i > 0) {
        break;
      }
      budget.characters((long) at - start + by.length() + 1);
      result.append(text, start, at).append(by);
      start = at + old.length();
    }
    return result.append(text.substring(start)).toString();
  }

  static String join(@Nullable Object items, String separator, Budget budget) {
    StringBuilder result = new StringBuilder();
    String between = "";
    for (Object item : Values.items(items, budget)) {
      String text = Values.text(item, budget);
      budget.characters((long) between.length() + text.length());
      result.append(between).append(text);
      between = separator;
    }
    return result.toString();
  }

  private static long place(String text, int at) {
    return at < 0 ? -1 : text.codePointCount(0, at);
  }

  private static long count(String text, String part) {
    if (part.isEmpty()) {
      return text.length() + 1L;
    }
    long count = 0;
    for (int at = text.indexOf(part); at >= 0; at = text.indexOf(part, at + part.length())) {
      count++;
    }
    return count;
  }
}
