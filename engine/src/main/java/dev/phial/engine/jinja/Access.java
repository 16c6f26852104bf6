package dev.phial.engine.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
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
    if (of instanceof Map<?, ?> map
        && Values.canBeKey(key)
        && map.containsKey(Values.key(key, budget))) {
      return map.get(key);
    }
    if (of instanceof List<?> || of instanceof String) {
      if (key instanceof Long place) {
        return at(of, place, budget);
      } else if (key instanceof Boolean flag) {
        return at(of, flag ? 1 : 0, budget);
      }
    }
    if (key instanceof String name) {
      return attribute(of, name, budget);
    }
    if (of instanceof Undefined u) {
      throw u.used();
    }
    return Undefined.at(key);
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

  private static @Nullable Object at(@Nullable Object of, long place, Budget budget) {
    if (of instanceof String text) {
      long start = offset(text, place, budget);
      return start < 0 || start >= text.length()
          ? Undefined.at(place)
          : Character.toString(text.codePointAt((int) start));
    }
    List<?> list = (List<?>) of;
    long at = list == null ? -1 : place < 0 ? place + list.size() : place;
    return list == null || at < 0 || at >= list.size() ? Undefined.at(place) : list.get((int) at);
  }

  /** Where a character begins, counted from the end where negative; -1 if there is none. */
  private static long offset(String text, long place, Budget budget) {
    if (place < -text.length() || place > text.length()) {
      return -1;
    }
    budget.characters(Math.abs(place));
    try {
      return text.offsetByCodePoints(place < 0 ? text.length() : 0, (int) place);
    } catch (IndexOutOfBoundsException e) {
      return -1; // some characters take two places
    }
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
    if (of instanceof String text) {
      budget.characters(2L * text.length()); // a code point takes as much as two characters
      int[] characters = text.codePoints().toArray();
      TextBuilder result = new TextBuilder(budget);
      places(characters.length, from, to, step)
          .forEach(place -> result.appendCodePoint(characters[place]));
      return result.toString();
    }
    if (!(of instanceof List<?> list)) {
      throw new TemplateException(Values.type(of) + " cannot be sliced");
    }
    List<@Nullable Object> result = new ArrayList<>();
    places(list.size(), from, to, step)
        .forEach(place -> {
          budget.step();
          result.add(list.get(place));
        });
    return result;
  }

  /** What a slice takes of so many. */
  private static IntStream places(
      int size, @Nullable Object from, @Nullable Object to, @Nullable Object step) {
    long stride = bound(step, 1);
    if (stride == 0) {
      throw new TemplateException("a slice with step 0");
    }
    boolean forward = stride > 0;
    long start = place(bound(from, forward ? 0 : size - 1), from, size, forward);
    long end = to == null ? (forward ? size : -1) : place(bound(to, 0), to, size, forward);
    long count = Math.max(0, Math.ceilDiv(end - start, stride));
    return IntStream.range(0, (int) count).map(i -> (int) (start + i * stride));
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
