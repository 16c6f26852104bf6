package dev.phial.engine.jinja;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What may stand after {@code |}: the filters of Jinja2 that chat templates have a use for. */
final class Filters {
  private static final Pattern WORD = Pattern.compile("\\w+", Pattern.UNICODE_CHARACTER_CLASS);

  /** Makes one value of another. */
  private interface Filter {
    @Nullable Object apply(@Nullable Object value, Arguments arguments, Budget budget);
  }

  private static final Map<String, Filter> ALL =
      Map.ofEntries(
          Map.entry("abs", (v, a, b) -> abs(v)),
          Map.entry("attr", (v, a, b) -> Access.item(v, a.require(0, "name"), b)),
          Map.entry("capitalize", (v, a, b) -> Texts.capitalize(counted(v, b), b)),
          Map.entry("count", (v, a, b) -> Values.length(v, b)),
          Map.entry("d", Filters::orDefault),
          Map.entry("default", Filters::orDefault),
          Map.entry("dictsort", (v, a, b) -> sorted(pairs(v, b), List.of(0L), a, b)),
          Map.entry("e", (v, a, b) -> escape(counted(v, b), b)),
          Map.entry("escape", (v, a, b) -> escape(counted(v, b), b)),
          Map.entry("first", (v, a, b) -> end(v, true, b)),
          Map.entry("float", Filters::toReal),
          Map.entry("indent", Filters::indent),
          Map.entry("int", Filters::toWhole),
          Map.entry("items", (v, a, b) -> pairs(v, b)),
          Map.entry("join", Filters::join),
          Map.entry("last", (v, a, b) -> end(v, false, b)),
          Map.entry("length", (v, a, b) -> Values.length(v, b)),
          Map.entry("list", (v, a, b) -> Values.items(v, b)),
          Map.entry("lower", (v, a, b) -> Texts.lower(counted(v, b), b)),
          Map.entry("map", Filters::map),
          Map.entry("max", (v, a, b) -> extreme(v, 1, b)),
          Map.entry("min", (v, a, b) -> extreme(v, -1, b)),
          Map.entry("reject", (v, a, b) -> select(v, a, false, false, b)),
          Map.entry("rejectattr", (v, a, b) -> select(v, a, true, false, b)),
          Map.entry("replace", Filters::replace),
          Map.entry("reverse", (v, a, b) -> reverse(v, b)),
          Map.entry("round", (v, a, b) -> round(v, a)),
          Map.entry("safe", (v, a, b) -> Values.text(v, b)),
          Map.entry("select", (v, a, b) -> select(v, a, false, true, b)),
          Map.entry("selectattr", (v, a, b) -> select(v, a, true, true, b)),
          Map.entry("sort", (v, a, b) -> sorted(Values.items(v, b), path(a, b), a, b)),
          Map.entry("string", (v, a, b) -> Values.text(v, b)),
          Map.entry("sum", Filters::sum),
          Map.entry("title", (v, a, b) -> Texts.title(counted(v, b))),
          Map.entry("tojson", JsonFilter::write),
          Map.entry("trim", Filters::trim),
          Map.entry("unique", Filters::unique),
          Map.entry("upper", (v, a, b) -> Texts.upper(counted(v, b), b)),
          Map.entry("wordcount", (v, a, b) -> wordCount(counted(v, b))));

  static final Set<String> NAMES = new TreeSet<>(ALL.keySet());

  private Filters() {}

  /**
   * @throws TemplateException if there is no such filter, or it does not go with the value
   */
  static @Nullable Object apply(
      String name, @Nullable Object value, Arguments arguments, Budget budget) {
    Filter filter = ALL.get(name);
    if (filter == null) {
      throw new TemplateException("no filter named '%s'".formatted(name));
    }
    budget.enter(); // a filter may apply others
    Object result = filter.apply(value, arguments, budget);
    budget.leave();
    return result;
  }

  /** The text of a value that is about to become another. */
  private static String counted(@Nullable Object value, Budget budget) {
    String text = Values.text(value, budget);
    budget.characters(text.length());
    return text;
  }

  private static @Nullable Object abs(@Nullable Object value) {
    return value instanceof Long whole
        ? Math.absExact(whole)
        : (Object) Math.abs(Values.real(value));
  }

  private static @Nullable Object orDefault(
      @Nullable Object value, Arguments arguments, Budget budget) {
    boolean isMissing =
        value instanceof Undefined || arguments.flag(1, "boolean", false) && !Values.isTrue(value);
    return isMissing ? arguments.get(0, "default_value", "") : value;
  }

  private static List<@Nullable Object> pairs(@Nullable Object value, Budget budget) {
    return switch (value) {
      case Map<?, ?> map -> Methods.items(map, budget);
      case Undefined u -> new ArrayList<>();
      case null, default -> throw new TemplateException(Values.type(value) + " is no dict");
    };
  }

  private static String escape(String text, Budget budget) {
    TextBuilder result = new TextBuilder(budget);
    for (int at = 0; at < text.length(); at++) {
      char c = text.charAt(at);
      switch (c) {
        case '&' -> result.append("&amp;");
        case '<' -> result.append("&lt;");
        case '>' -> result.append("&gt;");
        case '\'' -> result.append("&#39;");
        case '"' -> result.append("&#34;");
        default -> result.append(c);
      }
    }
    return result.toString();
  }

  private static @Nullable Object end(@Nullable Object value, boolean first, Budget budget) {
    if (value instanceof String text) {
      return Access.item(text, first ? 0L : -1L, budget);
    }
    List<@Nullable Object> items = Values.items(value, budget);
    if (items.isEmpty()) {
      return new Undefined(first ? "first" : "last");
    }
    return first ? items.getFirst() : items.getLast();
  }

  private static @Nullable Object toWhole(
      @Nullable Object value, Arguments arguments, Budget budget) {
    return switch (value) {
      case Boolean flag -> flag ? 1L : 0L;
      case Long whole -> whole;
      case Double real -> (long) (double) real;
      case String text -> {
        String number = Texts.strip(counted(text, budget));
        yield number.matches("[+-]?\\d{1,18}")
            ? Long.valueOf(number)
            : number.matches("[+-]?\\d{1,18}\\.\\d{1,18}")
                ? (Object) (long) Double.parseDouble(number)
                : arguments.get(0, "default", 0L);
      }
      case Undefined u -> throw u.used();
      case null, default -> arguments.get(0, "default", 0L);
    };
  }

  private static @Nullable Object toReal(
      @Nullable Object value, Arguments arguments, Budget budget) {
    return switch (value) {
      case Boolean flag -> flag ? 1.0 : 0.0;
      case Long whole -> (double) whole;
      case Double real -> real;
      case String text -> {
        String number = Texts.strip(counted(text, budget));
        yield number.matches("[+-]?\\d{1,40}(\\.\\d{1,40})?([eE][+-]?\\d{1,3})?")
            ? Double.valueOf(number)
            : arguments.get(0, "default", 0.0);
      }
      case Undefined u -> throw u.used();
      case null, default -> arguments.get(0, "default", 0.0);
    };
  }

  private static Object indent(@Nullable Object value, Arguments arguments, Budget budget) {
    if (!(value instanceof String text)) {
      throw new TemplateException(Values.type(value) + " cannot be indented");
    }
    Object width = arguments.get(0, "width", 4L);
    boolean isText = width instanceof String;
    String unit = isText ? arguments.text(0, "width", "") : " ";
    long times = isText ? 1 : arguments.whole(0, "width", 4);
    boolean first = arguments.flag(1, "first", false);
    boolean blank = arguments.flag(2, "blank", false);
    TextBuilder result = new TextBuilder(budget);
    int start = 0;
    for (int end = text.indexOf('\n'); end >= 0; end = text.indexOf('\n', start)) {
      boolean indents = start == 0 ? first : blank || end > start;
      result.repeat(unit, indents ? times : 0).append(text, start, end + 1);
      start = end + 1;
    }
    boolean indents = start == 0 ? first : blank || start < text.length();
    return result.repeat(unit, indents ? times : 0).append(text, start, text.length()).toString();
  }

  private static Object join(@Nullable Object value, Arguments arguments, Budget budget) {
    List<@Nullable Object> items = Values.items(value, budget);
    if (arguments.has(1, "attribute")) {
      List<Object> path = path(arguments.get(1, "attribute", null), budget);
      items.replaceAll(item -> Access.path(item, path, budget));
    }
    return Methods.join(items, arguments.text(0, "d", ""), budget);
  }

  /** Items to go through one by one; there are none in what is false. */
  private static List<@Nullable Object> some(@Nullable Object value, Budget budget) {
    return Values.isTrue(value) ? Values.items(value, budget) : new ArrayList<>();
  }

  private static Object map(@Nullable Object value, Arguments arguments, Budget budget) {
    List<@Nullable Object> items = some(value, budget);
    if (arguments.named().containsKey("attribute")) {
      List<Object> path = path(arguments, budget);
      items.replaceAll(item -> {
        Object found = Access.path(item, path, budget);
        return found instanceof Undefined && arguments.named().containsKey("default")
            ? arguments.named().get("default")
            : found;
      });
    } else {
      String name = arguments.text(0, "filter", "");
      items.replaceAll(item -> apply(name, item, arguments.from(1), budget));
    }
    return items;
  }

  /**
   * {@code select} and its kin: of each item, or of an attribute of it, whether it passes a test.
   */
  private static Object select(
      @Nullable Object value,
      Arguments arguments,
      boolean byAttribute,
      boolean keeps,
      Budget budget) {
    int place = byAttribute ? 1 : 0;
    List<Object> path = byAttribute ? path(arguments.require(0, "attribute"), budget) : List.of();
    List<@Nullable Object> items = some(value, budget);
    items.removeIf(item -> {
      Object tested = Access.path(item, path, budget);
      boolean passes =
          place < arguments.values().size()
              ? Tests.passes(
                  arguments.text(place, "test", ""), tested, arguments.from(place + 1), budget)
              : Values.isTrue(tested);
      return passes != keeps;
    });
    return items;
  }

  private static List<Object> path(Arguments arguments, Budget budget) {
    return path(arguments.named().get("attribute"), budget);
  }

  /** {@code a.b.0}: names and places, one within the other. */
  private static List<Object> path(@Nullable Object attribute, Budget budget) {
    List<Object> path = new ArrayList<>();
    switch (attribute) {
      case null -> {}
      case Long place -> path.add(place);
      case String names -> {
        budget.steps(names.length());
        for (String name : names.split("\\.", -1)) {
          path.add(name.matches("\\d{1,9}") ? (Object) Long.valueOf(name) : name);
        }
      }
      default ->
          throw new TemplateException(
              "expected the name of an attribute, found " + Values.type(attribute));
    }
    return path;
  }

  private static Object sorted(
      List<@Nullable Object> items, List<Object> path, Arguments arguments, Budget budget) {
    boolean descending = arguments.flag(0, "reverse", false);
    boolean caseSensitive = arguments.flag(1, "case_sensitive", false);
    List<Keyed> keyed = new ArrayList<>();
    items.forEach(item -> keyed.add(new Keyed(item, key(item, path, caseSensitive, budget))));
    Comparator<Keyed> order = (x, y) -> Values.compare(x.key, y.key, budget);
    keyed.sort(descending ? order.reversed() : order);
    items.clear();
    keyed.forEach(each -> items.add(each.item));
    return items;
  }

  /** An item and what it is sorted by. */
  private record Keyed(@Nullable Object item, @Nullable Object key) {}

  private static @Nullable Object key(
      @Nullable Object item, List<Object> path, boolean caseSensitive, Budget budget) {
    Object key = Access.path(item, path, budget);
    return key instanceof String text && !caseSensitive ? Texts.lower(text, budget) : key;
  }

  private static @Nullable Object extreme(@Nullable Object value, int sign, Budget budget) {
    List<@Nullable Object> items = Values.items(value, budget);
    if (items.isEmpty()) {
      return new Undefined(sign > 0 ? "max" : "min");
    }
    Object best = items.getFirst();
    Object bestKey = key(best, List.of(), false, budget);
    for (Object item : items) {
      Object key = key(item, List.of(), false, budget);
      if (sign * Values.compare(key, bestKey, budget) > 0) {
        best = item;
        bestKey = key;
      }
    }
    return best;
  }

  private static Object replace(@Nullable Object value, Arguments arguments, Budget budget) {
    return Methods.replace(
        counted(value, budget),
        arguments.text(0, "old", ""),
        arguments.text(1, "new", ""),
        arguments.whole(2, "count", -1),
        budget);
  }

  private static Object reverse(@Nullable Object value, Budget budget) {
    if (value instanceof String text) {
      budget.characters(text.length());
      return new StringBuilder(text).reverse().toString();
    }
    return Values.items(value, budget).reversed();
  }

  private static Object round(@Nullable Object value, Arguments arguments) {
    if (value instanceof Long || value instanceof Boolean) {
      return (long) Values.real(value);
    }
    double factor = Math.pow(10, Math.clamp(arguments.whole(0, "precision", 0), -15, 15));
    double scaled = Values.real(value) * factor;
    return switch (arguments.text(1, "method", "common")) {
      case "ceil" -> Math.ceil(scaled) / factor;
      case "floor" -> Math.floor(scaled) / factor;
      default -> Math.rint(scaled) / factor;
    };
  }

  private static @Nullable Object sum(@Nullable Object value, Arguments arguments, Budget budget) {
    List<Object> path = path(arguments, budget);
    Object sum = arguments.named().getOrDefault("start", 0L);
    for (Object item : Values.items(value, budget)) {
      sum = Values.calculate("+", sum, Access.path(item, path, budget), budget);
    }
    return sum;
  }

  private static Object trim(@Nullable Object value, Arguments arguments, Budget budget) {
    String text = counted(value, budget);
    return arguments.get(0, "chars", null) instanceof String characters
        ? Texts.strip(text, characters, true, true, budget)
        : Texts.strip(text);
  }

  private static Object unique(@Nullable Object value, Arguments arguments, Budget budget) {
    boolean caseSensitive = arguments.flag(0, "case_sensitive", false);
    List<Object> path = path(arguments.get(1, "attribute", null), budget);
    Set<@Nullable Object> seen = new HashSet<>();
    List<@Nullable Object> items = Values.items(value, budget);
    items.removeIf(item -> !seen.add(Values.key(key(item, path, caseSensitive, budget), budget)));
    return items;
  }

  private static Object wordCount(String text) {
    return WORD.matcher(text).results().count();
  }
}
