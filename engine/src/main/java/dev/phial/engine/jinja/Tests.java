package dev.phial.engine.jinja;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/** What may stand after {@code is}. */
final class Tests {
  /** Whether a value passes. */
  private interface Test {
    boolean passes(@Nullable Object value, Arguments arguments, Budget budget);
  }

  private static final Map<String, Test> ALL =
      Map.ofEntries(
          Map.entry("defined", (v, a, b) -> !(v instanceof Undefined)),
          Map.entry("undefined", (v, a, b) -> v instanceof Undefined),
          Map.entry("none", (v, a, b) -> v == null),
          Map.entry("boolean", (v, a, b) -> v instanceof Boolean),
          Map.entry("true", (v, a, b) -> Boolean.TRUE.equals(v)),
          Map.entry("false", (v, a, b) -> Boolean.FALSE.equals(v)),
          Map.entry("string", (v, a, b) -> v instanceof String),
          Map.entry("number", (v, a, b) -> Values.isNumber(v)),
          Map.entry("integer", (v, a, b) -> v instanceof Long),
          Map.entry("float", (v, a, b) -> v instanceof Double),
          Map.entry("mapping", (v, a, b) -> v instanceof Map),
          Map.entry("sequence", (v, a, b) -> isIterable(v)),
          Map.entry("iterable", (v, a, b) -> isIterable(v)),
          Map.entry("callable", (v, a, b) -> v instanceof Function || v instanceof Undefined),
          Map.entry("lower", (v, a, b) -> Texts.isLower(counted(v, b))),
          Map.entry("upper", (v, a, b) -> Texts.isUpper(counted(v, b))),
          Map.entry("odd", (v, a, b) -> remainder(v, 2L, b) == 1),
          Map.entry("even", (v, a, b) -> remainder(v, 2L, b) == 0),
          Map.entry("divisibleby", (v, a, b) -> remainder(v, a.require(0, "num"), b) == 0),
          Map.entry("in", (v, a, b) -> Values.contains(a.require(0, "seq"), v, b)),
          Map.entry("sameas", (v, a, b) -> Values.areEqual(v, a.require(0, "other"), b)),
          Map.entry("equalto", Tests::isEqual),
          Map.entry("eq", Tests::isEqual),
          Map.entry("ne", (v, a, b) -> !isEqual(v, a, b)),
          Map.entry("lt", (v, a, b) -> order(v, a, b) < 0),
          Map.entry("lessthan", (v, a, b) -> order(v, a, b) < 0),
          Map.entry("le", (v, a, b) -> order(v, a, b) <= 0),
          Map.entry("gt", (v, a, b) -> order(v, a, b) > 0),
          Map.entry("greaterthan", (v, a, b) -> order(v, a, b) > 0),
          Map.entry("ge", (v, a, b) -> order(v, a, b) >= 0));

  static final Set<String> NAMES = new TreeSet<>(ALL.keySet());

  private Tests() {}

  /**
   * @throws TemplateException if there is no such test
   */
  static boolean passes(String name, @Nullable Object value, Arguments arguments, Budget budget) {
    Test test = ALL.get(name);
    if (test == null) {
      throw new TemplateException("no test named '%s'".formatted(name));
    }
    budget.enter();
    boolean passes = test.passes(value, arguments, budget);
    budget.leave();
    return passes;
  }

  private static String counted(@Nullable Object value, Budget budget) {
    String text = Values.text(value, budget);
    budget.characters(text.length());
    return text;
  }

  private static boolean isEqual(@Nullable Object value, Arguments arguments, Budget budget) {
    return Values.areEqual(value, arguments.require(0, "other"), budget);
  }

  private static int order(@Nullable Object value, Arguments arguments, Budget budget) {
    return Values.compare(value, arguments.require(0, "other"), budget);
  }

  private static double remainder(@Nullable Object value, @Nullable Object by, Budget budget) {
    return Values.real(Values.calculate("%", value, by, budget));
  }

  private static boolean isIterable(@Nullable Object value) {
    return switch (value) {
      case String text -> true;
      case List<?> list -> true;
      case Map<?, ?> map -> true;
      case Undefined u -> true;
      case null, default -> false;
    };
  }
}
