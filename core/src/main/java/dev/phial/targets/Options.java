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

  /** The value of an option that may be given once. */
  public Optional<String> value(String name) {
    return all(name).stream().findFirst();
  }

  public List<String> all(String name) {
    return values.getOrDefault(name, List.of());
  }

  /** These and one more, in the place of one of that name. */
  public Options with(String name, String value) {
    return with(name, List.of(value));
  }

  /** These with a flag. */
  public Options with(String flag) {
    return with(flag, List.of());
  }

  /** These and one more value of an option that may be given several times. */
  public Options and(String name, String value) {
    return with(name, Stream.concat(all(name).stream(), Stream.of(value)).toList());
  }

  private Options with(String name, List<String> given) {
    Map<String, List<String>> all = new HashMap<>(values);
    all.put(name, given);
    return new Options(all);
  }
}
