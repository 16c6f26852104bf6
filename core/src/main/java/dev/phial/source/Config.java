package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.DeserializationFeature;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;
import tools.jackson.databind.node.ObjectNode;

/**
 * A JSON object of a checkpoint, most often config.json, whose fields are checked when they are
 * asked for.
 *
 * @param file where it was read, for messages
 */
public record Config(Path file, JsonNode json) {
  /** Reads a file as a whole: a tree takes far more memory than its text. */
  static final JsonMapper MAPPER =
      JsonMapper.builder(
              Json.MAPPER
                  .tokenStreamFactory()
                  .rebuild()
                  .streamReadConstraints(
                      Json.MAPPER
                          .tokenStreamFactory()
                          .streamReadConstraints()
                          .rebuild()
                          .maxDocumentLength(32L << 20)
                          .maxTokenCount(1L << 21)
                          .build())
                  .build())
          .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
          .build();

  /**
   * @throws PhialException.BadInput if the file is missing or holds no JSON object
   */
  public static Config read(Path file) {
    try (InputStream in = Json.open(file)) {
      return read(file, in);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  /**
   * Reads what some bytes of a file say.
   *
   * @throws PhialException.BadInput if that is no JSON object
   */
  static Config read(Path file, byte[] text) {
    return read(file, new ByteArrayInputStream(text));
  }

  private static Config read(Path file, InputStream in) {
    try {
      JsonNode json = MAPPER.readTree(in);
      if (!json.isObject()) {
        throw Refusal.bad(file, "expected a JSON object, found %s", json.getNodeType());
      }
      return new Config(file, json);
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
  }

  /** This object with another value in a field. */
  Config with(String key, boolean value) {
    return new Config(file, ((ObjectNode) json.deepCopy()).put(key, value));
  }

  Config with(String key, int value) {
    return new Config(file, ((ObjectNode) json.deepCopy()).put(key, value));
  }

  Config with(String key, String value) {
    return new Config(file, ((ObjectNode) json.deepCopy()).put(key, value));
  }

  /** This config.json of a model of another class. */
  Config of(String architecture, String modelType) {
    ObjectNode other = (ObjectNode) json.deepCopy();
    other.putArray("architectures").add(architecture);
    return new Config(file, other.put("model_type", modelType));
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
    if (!isFinite(json.get(key))) {
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
      if (!json.get(key).isArray()) {
        throw wrong(key, "a list of numbers");
      }
      for (JsonNode value : json.get(key)) {
        if (!isFinite(value)) {
          throw wrong(key, "a list of numbers");
        }
        values.add(value.doubleValue());
      }
    }
    return values;
  }

  private static boolean isFinite(JsonNode value) {
    return value.isNumber() && Double.isFinite(value.doubleValue());
  }

  private PhialException missing(String key) {
    return Refusal.bad(file, "expected a field %s, found none", key);
  }

  private PhialException wrong(String key, String expected) {
    String found = json.get(key).toString();
    return Refusal.bad(
        file,
        "expected %s in field %s, found %s",
        expected,
        key,
        found.length() > 80 ? found.substring(0, 80) + "…" : found);
  }
}
