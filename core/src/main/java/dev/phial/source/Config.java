package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * A JSON object of a checkpoint, most often config.json, whose fields are checked when they are
 * asked for.
 *
 * @param file where it was read, for messages
 */
public record Config(Path file, JsonNode json) {

  /**
   * @throws PhialException.BadInput if the file is missing or holds no JSON object
   */
  public static Config read(Path file) {
    JsonNode json = Json.read(file);
    if (!json.isObject()) {
      throw new PhialException.BadInput(
          "%s: expected a JSON object, found %s".formatted(file, json.getNodeType()));
    }
    return new Config(file, json);
  }

  /** Whether the field is there and not null. */
  public boolean has(String key) {
    return json.hasNonNull(key);
  }

  /** The object in a field, if it is there and not null. */
  public Optional<Config> object(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!json.get(key).isObject()) {
      throw wrong(key, "an object");
    }
    return Optional.of(new Config(file, json.get(key)));
  }

  /** A whole number of at least 1. */
  public int count(String key) {
    return optionalCount(key).orElseThrow(() -> missing(key));
  }

  public int count(String key, int otherwise) {
    return optionalCount(key).orElse(otherwise);
  }

  public Optional<Integer> optionalCount(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    JsonNode value = json.get(key);
    if (!value.isIntegralNumber() || !value.canConvertToInt() || value.intValue() < 1) {
      throw wrong(key, "a whole number of at least 1");
    }
    return Optional.of(value.intValue());
  }

  public double number(String key, double otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!json.get(key).isNumber()) {
      throw wrong(key, "a number");
    }
    return json.get(key).doubleValue();
  }

  public Optional<String> text(String key) {
    if (!has(key)) {
      return Optional.empty();
    }
    if (!json.get(key).isString()) {
      throw wrong(key, "a string");
    }
    return Optional.of(json.get(key).stringValue());
  }

  public boolean flag(String key, boolean otherwise) {
    if (!has(key)) {
      return otherwise;
    }
    if (!json.get(key).isBoolean()) {
      throw wrong(key, "true or false");
    }
    return json.get(key).booleanValue();
  }

  /** A list of numbers, empty if the field is missing. */
  public List<Double> numbers(String key) {
    List<Double> values = new ArrayList<>();
    if (has(key)) {
      for (JsonNode value : json.get(key)) {
        if (!value.isNumber()) {
          throw wrong(key, "a list of numbers");
        }
        values.add(value.doubleValue());
      }
    }
    return values;
  }

  private PhialException missing(String key) {
    return new PhialException.BadInput("%s: expected a field %s, found none".formatted(file, key));
  }

  private PhialException wrong(String key, String expected) {
    String found = json.get(key).toString();
    return new PhialException.BadInput(
        "%s: expected %s in field %s, found %s"
            .formatted(
                file, expected, key, found.length() > 80 ? found.substring(0, 80) + "…" : found));
  }
}
