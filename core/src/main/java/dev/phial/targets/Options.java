package dev.phial.targets;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/** The options given to one target: name to values, a flag with none. */
public record Options(Map<String, List<String>> values) {
  public static final Options NONE = new Options(Map.of());

  public Options {
    values = Map.copyOf(values);
  }

  public boolean has(String name) {
    return values.containsKey(name);
  }

  /** These with a flag. */
  public Options with(String flag) {
    Map<String, List<String>> all = new HashMap<>(values);
    all.put(flag, List.of());
    return new Options(all);
  }

  /** These and one more value of an option that may be given several times. */
  public Options and(String name, String value) {
    Map<String, List<String>> all = new HashMap<>(values);
    all.put(name, Stream.concat(all(name).stream(), Stream.of(value)).toList());
    return new Options(all);
  }

  /** The value of an option that may be given once. */
  public Optional<String> value(String name) {
    return all(name).stream().findFirst();
  }

  public List<String> all(String name) {
    return values.getOrDefault(name, List.of());
  }

  /** These and one more, in the place of one of that name. */
  public Options with(String name, String value) {
    Map<String, List<String>> all = new HashMap<>(values);
    all.put(name, List.of(value));
    return new Options(all);
  }
}
