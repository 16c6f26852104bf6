package dev.phial.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Reaches into values. Nothing of Java is within reach: only what is listed here and in Methods.
 */
final class Access {
  private Access() {}

  /** {@code of.name}: a method, else an item. */
  static @Nullable Object attribute(@Nullable Object of, String name, Budget budget) {
    Optional<Function> method = Methods.find(of, name, budget);
    return method.isPresent() ? method.get() : named(of, name);
  }

  /** {@code of[key]}: an item, else a method. */
  static @Nullable Object item(@Nullable Object of, @Nullable Object key, Budget budget) {
    if (of instanceof Map<?, ?> map && map.containsKey(key)) {
      return map.get(key);
    }
    if (of instanceof List<?> || of instanceof String) {
      if (key instanceof Long place) {
        return at(of, place);
      } else if (key instanceof Boolean flag) {
        return at(of, flag ? 1 : 0);
      }
    }
    if (key instanceof String name) {
      return attribute(of, name, budget);
    }
    if (of instanceof Undefined u) {
      throw u.used();
    }
    return new Undefined(String.valueOf(key));
  }

  /** Items within items. */
  static @Nullable Object path(@Nullable Object of, List<Object> path, Budget budget) {
    Object value = of;
    for (Object key : path) {
      value = item(value, key, budget);
    }
    return value;
  }

  private static @Nullable Object named(@Nullable Object of, String name) {
    Map<?, ?> map =
        switch (of) {
          case Map<?, ?> dict -> dict;
          case Namespace namespace -> namespace.values();
          case Loop loop -> loop.attributes();
          case Undefined u -> throw u.used();
          case null, default -> Map.of();
        };
    return map.containsKey(name) ? map.get(name) : new Undefined(name);
  }

  private static @Nullable Object at(@Nullable Object of, long place) {
    if (of instanceof String text) {
      int length = text.codePointCount(0, text.length());
      long at = place < 0 ? place + length : place;
      return at < 0 || at >= length
          ? new Undefined("" + place)
          : Character.toString(text.codePointAt(text.offsetByCodePoints(0, (int) at)));
    }
    List<?> list = (List<?>) of;
    long at = list == null ? -1 : place < 0 ? place + list.size() : place;
    return list == null || at < 0 || at >= list.size()
        ? new Undefined("" + place)
        : list.get((int) at);
  }

  /** {@code of[from:to:step]}. */
  static Object slice(
      @Nullable Object of,
      @Nullable Object from,
      @Nullable Object to,
      @Nullable Object step,
      Budget budget) {
    if (of instanceof Undefined u) {
      throw u.used();
    }
    if (!(of instanceof String) && !(of instanceof List)) {
      throw new TemplateException(Values.type(of) + " cannot be sliced");
    }
    List<@Nullable Object> items = Values.items(of, budget);
    long stride = bound(step, 1);
    if (stride == 0) {
      throw new TemplateException("a slice with step 0");
    }
    int size = items.size();
    boolean forward = stride > 0;
    long start = place(bound(from, forward ? 0 : size - 1), from, size, forward);
    long end = to == null ? (forward ? size : -1) : place(bound(to, 0), to, size, forward);
    List<@Nullable Object> result = new ArrayList<>();
    for (long at = start; forward ? at < end : at > end; at += stride) {
      result.add(items.get((int) at));
    }
    return of instanceof String ? Methods.join(result, "", budget) : result;
  }

  private static long bound(@Nullable Object bound, long otherwise) {
    return switch (bound) {
      case null -> otherwise;
      case Boolean flag -> flag ? 1 : 0;
      case Long whole -> Math.clamp(whole, Integer.MIN_VALUE, Integer.MAX_VALUE);
      default -> throw new TemplateException("a slice needs whole numbers");
    };
  }

  /** A place counted from the end where negative, within the list. */
  private static long place(long bound, @Nullable Object given, int size, boolean forward) {
    long at = given != null && bound < 0 ? bound + size : bound;
    return forward ? Math.clamp(at, 0, size) : Math.clamp(at, -1, size - 1);
  }
}
