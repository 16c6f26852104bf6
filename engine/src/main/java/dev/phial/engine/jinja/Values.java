package dev.phial.engine.jinja;

import dev.phial.Printable;
import dev.phial.io.PythonJson;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HexFormat;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Values as Python has them: {@code null} is None, then Boolean, Long, Double, String, List, Map in
 * the order of insertion, and {@link Undefined}.
 */
final class Values {
  private static final Set<String> DIVISIONS = Set.of("/", "//", "%");
  private static final int STEPS_OF_REAL = 10; // to find the shortest digits

  private Values() {}

  /**
   * A value that comes from outside, as values are here: a copy that may be asked for any key.
   *
   * @throws IllegalArgumentException if JSON has no such value
   */
  static @Nullable Object of(@Nullable Object value) {
    return switch (value) {
      case null -> null;
      case Boolean flag -> flag;
      case Long whole -> whole;
      case Double real -> real;
      case String text -> text;
      case List<?> list -> {
        List<@Nullable Object> copy = new ArrayList<>();
        list.forEach(item -> copy.add(of(item)));
        yield copy;
      }
      case Map<?, ?> map -> {
        Map<@Nullable Object, @Nullable Object> copy = new LinkedHashMap<>();
        map.forEach((key, item) -> copy.put(of(key), of(item)));
        yield copy;
      }
      default -> throw new IllegalArgumentException("a " + value.getClass());
    };
  }

  static boolean isTrue(@Nullable Object value) {
    return switch (value) {
      case null -> false;
      case Undefined u -> false;
      case Boolean flag -> flag;
      case Long whole -> whole != 0;
      case Double real -> real != 0;
      case String text -> !text.isEmpty();
      case List<?> list -> !list.isEmpty();
      case Map<?, ?> map -> !map.isEmpty();
      default -> true;
    };
  }

  static boolean isNumber(@Nullable Object value) {
    return value instanceof Long || value instanceof Double || value instanceof Boolean;
  }

  /** Python's {@code str}. */
  static String text(@Nullable Object value, Budget budget) {
    if (value instanceof String text) {
      return text;
    }
    TextBuilder to = new TextBuilder(budget);
    if (!(value instanceof Undefined)) {
      represent(value, to, budget);
    }
    return to.toString();
  }

  /** Python's {@code repr}. */
  private static void represent(@Nullable Object value, TextBuilder to, Budget budget) {
    budget.enter();
    switch (value) {
      case null -> to.append("None");
      case Boolean flag -> to.append(flag ? "True" : "False");
      case Long whole -> to.append(whole.toString());
      case Double real -> to.append(repr(real, budget));
      case String text -> quote(text, to);
      case List<?> list -> {
        to.append('[');
        for (int i = 0; i < list.size(); i++) {
          to.append(i == 0 ? "" : ", ");
          represent(list.get(i), to, budget);
        }
        to.append(']');
      }
      case Map<?, ?> map -> {
        to.append('{');
        String separator = "";
        for (Map.Entry<?, ?> entry : map.entrySet()) {
          to.append(separator);
          represent(entry.getKey(), to, budget);
          represent(entry.getValue(), to.append(": "), budget);
          separator = ", ";
        }
        to.append('}');
      }
      case Undefined u -> to.append("Undefined");
      default -> to.append('<').append(type(value)).append('>');
    }
    budget.leave();
  }

  private static void quote(String text, TextBuilder to) {
    char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
    to.append(quote);
    text.codePoints()
        .forEach(c -> {
          switch (c) {
            case '\\' -> to.append("\\\\");
            case '\n' -> to.append("\\n");
            case '\r' -> to.append("\\r");
            case '\t' -> to.append("\\t");
            default -> {
              if (c == quote) {
                to.append('\\').append(quote);
              } else if (c == ' ' || Printable.is(c) && !Character.isSpaceChar(c)) {
                to.appendCodePoint(c);
              } else {
                to.append(escape(c));
              }
            }
          }
        });
    to.append(quote);
  }

  private static String escape(int c) {
    HexFormat hex = HexFormat.of();
    return c <= 0xFF
        ? "\\x" + hex.toHexDigits(c, 2)
        : c <= 0xFFFF ? "\\u" + hex.toHexDigits(c, 4) : "\\U" + hex.toHexDigits(c, 8);
  }

  /** Python's {@code repr} of a float. */
  static String repr(double value, Budget budget) {
    budget.steps(STEPS_OF_REAL);
    if (Double.isNaN(value)) {
      return "nan";
    }
    return Double.isInfinite(value) ? (value > 0 ? "inf" : "-inf") : PythonJson.repr(value);
  }

  static boolean areEqual(@Nullable Object a, @Nullable Object b, Budget budget) {
    budget.enter();
    try {
      if (isNumber(a) && isNumber(b)) {
        return compareNumbers(a, b) == 0;
      }
      if (a instanceof List<?> x && b instanceof List<?> y) {
        if (x.size() != y.size()) {
          return false;
        }
        for (int i = 0; i < x.size(); i++) {
          if (!areEqual(x.get(i), y.get(i), budget)) {
            return false;
          }
        }
        return true;
      }
      if (a instanceof Map<?, ?> x && b instanceof Map<?, ?> y) {
        return x.size() == y.size()
            && x.entrySet().stream()
                .allMatch(entry ->
                    y.containsKey(key(entry.getKey(), budget))
                        && areEqual(entry.getValue(), y.get(entry.getKey()), budget));
      }
      if (a instanceof String x && b instanceof String y) {
        budget.characters(x.length() == y.length() ? x.length() : 0);
        return x.equals(y);
      }
      return a == b || a instanceof Undefined && b instanceof Undefined;
    } finally {
      budget.leave();
    }
  }

  private static int compareNumbers(@Nullable Object a, @Nullable Object b) {
    Object x = plain(a);
    Object y = plain(b);
    return x instanceof Long i && y instanceof Long j
        ? Long.compare(i, j)
        : Double.compare(real(x) + 0.0, real(y) + 0.0); // no negative zero
  }

  /** Python's order. */
  static int compare(@Nullable Object a, @Nullable Object b, Budget budget) {
    budget.step();
    if (isNumber(a) && isNumber(b)) {
      return compareNumbers(a, b);
    }
    if (a instanceof String x && b instanceof String y) {
      int at = 0;
      while (at < x.length() && at < y.length() && x.charAt(at) == y.charAt(at)) {
        at++;
      }
      budget.characters(at);
      return at < x.length() && at < y.length()
          ? Integer.compare(x.codePointAt(at), y.codePointAt(at))
          : Integer.compare(x.length(), y.length());
    }
    if (a instanceof List<?> x && b instanceof List<?> y) {
      for (int i = 0; i < Math.min(x.size(), y.size()); i++) {
        if (!areEqual(x.get(i), y.get(i), budget)) {
          return compare(x.get(i), y.get(i), budget);
        }
      }
      return Integer.compare(x.size(), y.size());
    }
    throw new TemplateException("%s and %s have no order".formatted(type(a), type(b)));
  }

  static boolean contains(@Nullable Object container, @Nullable Object item, Budget budget) {
    return switch (container) {
      case String text when item instanceof String part -> Search.contains(text, part, budget);
      case String text ->
          throw new TemplateException("%s cannot be in a string".formatted(type(item)));
      case Map<?, ?> map -> map.containsKey(key(item, budget));
      case null, default ->
          items(container, budget).stream().anyMatch(found -> areEqual(found, item, budget));
    };
  }

  /**
   * A value that is about to be looked for in a dict or a set.
   *
   * @throws TemplateException if it is none that Python can hash, or one that takes long
   */
  static @Nullable Object key(@Nullable Object value, Budget budget) {
    budget.step();
    if (!canBeKey(value)) {
      throw new TemplateException(
          "expected a string, a number, a flag or none as a key, found " + type(value));
    }
    if (value instanceof String text) {
      budget.characters(text.length());
    }
    return value;
  }

  static boolean canBeKey(@Nullable Object value) {
    return value == null || value instanceof String || isNumber(value);
  }

  /** What a loop runs over. */
  static List<@Nullable Object> items(@Nullable Object value, Budget budget) {
    return switch (value) {
      case List<?> list -> counted(list, budget);
      case Map<?, ?> map -> counted(map.keySet(), budget);
      case String text -> characters(text, budget);
      case Undefined u -> new ArrayList<>();
      case null, default ->
          throw new TemplateException("%s cannot be looped over".formatted(type(value)));
    };
  }

  private static List<@Nullable Object> counted(Collection<?> items, Budget budget) {
    budget.steps(items.size());
    return new ArrayList<>(items);
  }

  private static List<@Nullable Object> characters(String text, Budget budget) {
    budget.steps(text.length());
    List<@Nullable Object> characters = new ArrayList<>();
    text.codePoints().forEach(c -> characters.add(Character.toString(c)));
    return characters;
  }

  static long length(@Nullable Object value, Budget budget) {
    return switch (value) {
      case String text -> {
        budget.characters(text.length());
        yield text.codePointCount(0, text.length());
      }
      case List<?> list -> list.size();
      case Map<?, ?> map -> map.size();
      case Undefined u -> 0;
      case null, default -> throw new TemplateException(type(value) + " has no length");
    };
  }

  static @Nullable Object negate(@Nullable Object value) {
    Object number = plain(value);
    return number instanceof Long whole ? Math.negateExact(whole) : (Object) (-real(number));
  }

  /** Arithmetic of two values, {@code ~} aside. */
  static @Nullable Object calculate(
      String operator, @Nullable Object a, @Nullable Object b, Budget budget) {
    if (operator.equals("+") && a instanceof String x && b instanceof String y) {
      budget.characters((long) x.length() + y.length());
      return x + y;
    }
    if (operator.equals("+") && a instanceof List<?> x && b instanceof List<?> y) {
      budget.steps((long) x.size() + y.size());
      List<@Nullable Object> both = new ArrayList<>(x);
      both.addAll(y);
      return both;
    }
    if (operator.equals("*") && (a instanceof String || a instanceof List<?>)) {
      return repeat(a, b, budget);
    }
    if (operator.equals("*") && (b instanceof String || b instanceof List<?>)) {
      return repeat(b, a, budget);
    }
    if (a instanceof Undefined u) {
      throw u.used();
    }
    if (b instanceof Undefined u) {
      throw u.used();
    }
    if (!isNumber(a) || !isNumber(b)) {
      throw new TemplateException(
          "'%s' does not go with %s and %s".formatted(operator, type(a), type(b)));
    }
    Object x = plain(a);
    Object y = plain(b);
    boolean whole = x instanceof Long && y instanceof Long;
    if (DIVISIONS.contains(operator) && real(y) == 0) {
      throw new TemplateException("division by zero");
    }
    return whole && !operator.equals("/")
        ? whole(operator, (Long) x, (Long) y)
        : (Object) real(operator, real(x), real(y));
  }

  private static Object whole(String operator, long a, long b) {
    return switch (operator) {
      case "+" -> Math.addExact(a, b);
      case "-" -> Math.subtractExact(a, b);
      case "*" -> Math.multiplyExact(a, b);
      case "//" -> Math.floorDiv(a, b);
      case "%" -> Math.floorMod(a, b);
      default -> b < 0 ? (Object) Math.pow((double) a, (double) b) : (Object) power(a, b);
    };
  }

  private static long power(long base, long exponent) {
    if (base == 0 || base == 1) {
      return exponent == 0 ? 1 : base;
    }
    if (base == -1) {
      return exponent % 2 == 0 ? 1 : -1;
    }
    long result = 1;
    for (long i = 0; i < exponent; i++) { // at most 63 times: the product would not fit
      result = Math.multiplyExact(result, base);
    }
    return result;
  }

  private static double real(String operator, double a, double b) {
    return switch (operator) {
      case "+" -> a + b;
      case "-" -> a - b;
      case "*" -> a * b;
      case "/" -> a / b;
      case "//" -> Math.floor(a / b);
      case "%" -> a - Math.floor(a / b) * b;
      default -> Math.pow(a, b);
    };
  }

  private static Object repeat(Object value, @Nullable Object times, Budget budget) {
    if (!(times instanceof Long) && !(times instanceof Boolean)) {
      throw new TemplateException("%s cannot be multiplied".formatted(type(value)));
    }
    int n = Math.clamp((long) real(times), 0, Integer.MAX_VALUE);
    if (value instanceof String text) {
      return new TextBuilder(budget).repeat(text, n).toString();
    }
    List<?> list = (List<?>) value;
    budget.steps((long) list.size() * n);
    List<@Nullable Object> result = new ArrayList<>();
    for (int i = 0; i < n && !list.isEmpty(); i++) {
      result.addAll(list);
    }
    return result;
  }

  /** A Long or Double; a flag counts as 0 or 1. */
  private static Object plain(@Nullable Object value) {
    return switch (value) {
      case Boolean flag -> flag ? 1L : 0L;
      case Long whole -> whole;
      case Double real -> real;
      case Undefined u -> throw u.used();
      case null, default -> throw new TemplateException(type(value) + " is no number");
    };
  }

  /** A number as a float; a flag counts as 0 or 1. */
  static double real(@Nullable Object number) {
    return switch (plain(number)) {
      case Long whole -> whole;
      case Object real -> (Double) real;
    };
  }

  /** What to call a value in a message. */
  static String type(@Nullable Object value) {
    return switch (value) {
      case null -> "none";
      case Boolean b -> "a flag";
      case Long l -> "a whole number";
      case Double d -> "a number";
      case String s -> "a string";
      case List<?> l -> "a list";
      case Map<?, ?> m -> "a dict";
      case Undefined u -> "'" + u.name() + "', which is undefined,";
      case Namespace n -> "a namespace";
      default -> "a function";
    };
  }
}
