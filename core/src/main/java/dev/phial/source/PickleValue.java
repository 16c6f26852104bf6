package dev.phial.source;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * What a pickle may hold. Collections are shared and may contain themselves, so nothing here walks
 * them: no equals, no hash, no text of their contents.
 */
sealed interface PickleValue {
  /** Its kind, for messages. */
  String kind();

  enum None implements PickleValue {
    NONE;

    @Override
    public String kind() {
      return "nothing";
    }
  }

  record Flag(boolean value) implements PickleValue {
    @Override
    public String kind() {
      return "true or false";
    }
  }

  /** Ordered, like text: a map stays fast when all its keys are made to have one hash. */
  record Whole(long value) implements PickleValue, Comparable<Whole> {
    @Override
    public int compareTo(Whole other) {
      return Long.compare(value, other.value);
    }

    @Override
    public String kind() {
      return "a whole number";
    }
  }

  record Real(double value) implements PickleValue {
    @Override
    public String kind() {
      return "a number";
    }
  }

  record Text(String value) implements PickleValue, Comparable<Text> {
    @Override
    public int compareTo(Text other) {
      return value.compareTo(other.value);
    }

    @Override
    public String kind() {
      return "text";
    }
  }

  final class Tuple implements PickleValue {
    final List<PickleValue> items;

    Tuple(List<PickleValue> items) {
      this.items = List.copyOf(items);
    }

    @Override
    public String kind() {
      return "a tuple";
    }
  }

  final class Items implements PickleValue {
    final List<PickleValue> items = new ArrayList<>();

    @Override
    public String kind() {
      return "a list";
    }
  }

  /** Keys are text or whole numbers. */
  final class Dictionary implements PickleValue {
    final Map<PickleValue, PickleValue> entries = new LinkedHashMap<>();

    @Override
    public String kind() {
      return "a dictionary";
    }
  }

  /** What a {@link Pickle.Vocabulary} puts in place of a name or an id. */
  non-sealed interface Thing extends PickleValue {}
}
