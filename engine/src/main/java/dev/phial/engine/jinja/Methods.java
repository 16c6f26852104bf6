package dev.phial.engine.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
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
                Object key = Values.key(arguments.require(0, "key"), budget);
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
          case "strip" -> a -> strip(text, a, true, true, budget);
          case "lstrip" -> a -> strip(text, a, true, false, budget);
          case "rstrip" -> a -> strip(text, a, false, true, budget);
          case "upper" -> a -> Texts.upper(text, budget);
          case "lower" -> a -> Texts.lower(text, budget);
          case "title" -> a -> Texts.title(text);
          case "capitalize" -> a -> Texts.capitalize(text, budget);
          case "startswith" -> a -> hasPart(text, a.require(0, "prefix"), true, budget);
          case "endswith" -> a -> hasPart(text, a.require(0, "suffix"), false, budget);
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
                List<@Nullable Object> lines = new ArrayList<>();
                text.lines()
                    .forEach(line -> {
                      budget.step();
                      lines.add(line);
                    });
                return lines;
              };
          case "replace" ->
              a ->
                  replace(
                      text,
                      a.text(0, "old", ""),
                      a.text(1, "new", ""),
                      a.whole(2, "count", -1),
                      budget);
          case "find" ->
              a -> place(text, Search.forwards(a.text(0, "sub", ""), budget).next(text, 0));
          case "rfind" ->
              a ->
                  place(
                      text,
                      Search.backwards(a.text(0, "sub", ""), budget).next(text, text.length()));
          case "count" -> a -> count(text, a.text(0, "sub", ""), budget);
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

  private static String strip(
      String text, Arguments arguments, boolean start, boolean end, Budget budget) {
    return arguments.get(0, "chars", null) instanceof String characters
        ? Texts.strip(text, characters, start, end, budget)
        : Texts.strip(text, Texts::isBlank, start, end);
  }

  /** Whether the text starts or ends with the part, or with one of the parts. */
  private static boolean hasPart(
      String text, @Nullable Object parts, boolean start, Budget budget) {
    List<?> all = parts instanceof List<?> list ? list : Collections.singletonList(parts);
    for (Object part : all) {
      if (!(part instanceof String end)) {
        throw new TemplateException(
            "expected a string to compare with, found " + Values.type(part));
      }
      budget.step();
      budget.characters(Math.min(end.length(), text.length()));
      if (start ? text.startsWith(end) : text.endsWith(end)) {
        return true;
      }
    }
    return false;
  }

  private static List<@Nullable Object> split(String text, Arguments arguments, Budget budget) {
    long most = arguments.whole(1, "maxsplit", -1);
    if (!(arguments.get(0, "sep", null) instanceof String separator)) {
      return splitAtBlanks(text, most, budget);
    }
    checkSeparator(separator);
    Search search = Search.forwards(separator, budget);
    List<@Nullable Object> parts = new ArrayList<>();
    int start = 0;
    for (int end = search.next(text, 0);
        end >= 0 && (most < 0 || parts.size() < most);
        end = search.next(text, start)) {
      budget.step();
      parts.add(text.substring(start, end));
      start = end + separator.length();
    }
    parts.add(text.substring(start));
    return parts;
  }

  private static List<@Nullable Object> splitAtBlanks(String text, long most, Budget budget) {
    List<@Nullable Object> parts = new ArrayList<>();
    int end = 0;
    while (true) {
      int start = end;
      while (start < text.length() && Texts.isBlank(text.charAt(start))) {
        start++;
      }
      if (start == text.length()) {
        return parts;
      }
      end = most >= 0 && parts.size() >= most ? text.length() : start;
      while (end < text.length() && !Texts.isBlank(text.charAt(end))) {
        end++;
      }
      budget.step();
      parts.add(text.substring(start, end));
    }
  }

  private static List<@Nullable Object> splitFromEnd(
      String text, Arguments arguments, Budget budget) {
    String separator = arguments.text(0, "sep", " ");
    checkSeparator(separator);
    long most = arguments.whole(1, "maxsplit", -1);
    Search search = Search.backwards(separator, budget);
    List<@Nullable Object> parts = new ArrayList<>();
    int end = text.length();
    for (int at = search.next(text, end);
        at >= 0 && (most < 0 || parts.size() < most);
        at = search.next(text, end)) {
      budget.step();
      parts.add(text.substring(at + separator.length(), end));
      end = at;
    }
    parts.add(text.substring(0, end));
    return parts.reversed();
  }

  private static void checkSeparator(String separator) {
    if (separator.isEmpty()) {
      throw new TemplateException("an empty separator");
    }
  }

  /** Python's {@code str.replace}, of the first {@code most} or with -1 of all. */
  static String replace(String text, String old, String by, long most, Budget budget) {
    TextBuilder result = new TextBuilder(budget);
    Search search = Search.forwards(old, budget);
    int start = 0; // of what is not written yet
    int from = 0; // where the next place may be
    for (long i = 0; (most < 0 || i < most) && from <= text.length(); i++) {
      int at = search.next(text, from);
      if (at < 0) {
        break;
      }
      result.append(text, start, at).append(by);
      start = at + old.length();
      from = old.isEmpty() ? after(text, at) : start;
    }
    return result.append(text, start, text.length()).toString();
  }

  /** The end of the character that begins at a place; behind the text if none does. */
  private static int after(String text, int at) {
    return at < text.length() ? text.offsetByCodePoints(at, 1) : at + 1;
  }

  static String join(@Nullable Object items, String separator, Budget budget) {
    TextBuilder result = new TextBuilder(budget);
    String between = "";
    for (Object item : Values.items(items, budget)) {
      result.append(between).append(Values.text(item, budget));
      between = separator;
    }
    return result.toString();
  }

  private static long place(String text, int at) {
    return at < 0 ? -1 : text.codePointCount(0, at);
  }

  private static long count(String text, String part, Budget budget) {
    if (part.isEmpty()) {
      return text.codePointCount(0, text.length()) + 1L;
    }
    Search search = Search.forwards(part, budget);
    long count = 0;
    for (int at = search.next(text, 0); at >= 0; at = search.next(text, at + part.length())) {
      count++;
    }
    return count;
  }
}
