package dev.phial.server;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The fields of a request; {@code null} is the same as none. */
final class Fields {
  private static final int LONGEST_NAME = 64;

  private final ObjectNode json;

  Fields(ObjectNode json) {
    this.json = json;
  }

  /**
   * Refuses what is not known, so that nobody believes it has an effect.
   *
   * @throws ApiError if there are other fields
   */
  void allow(Set<String> known) {
    for (String name : json.propertyNames()) {
      if (!known.contains(name)) {
        String shown = name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) + "…" : name;
        throw ApiError.refused(
            400, shown, "unknown_parameter", "Unrecognized request argument supplied: " + shown);
      }
    }
  }

  Optional<JsonNode> find(String name) {
    return Optional.ofNullable(json.get(name)).filter(value -> !value.isNull());
  }

  Optional<String> text(String name) {
    return find(name)
        .map(value -> {
          if (!value.isString()) {
            throw wrong(name, "a string", value);
          }
          return value.stringValue();
        });
  }

  boolean flag(String name) {
    return find(name)
        .map(value -> {
          if (!value.isBoolean()) {
            throw wrong(name, "true or false", value);
          }
          return value.booleanValue();
        })
        .orElse(false);
  }

  Optional<Double> number(String name, double least, double most) {
    return find(name)
        .map(value -> {
          double number = value.isNumber() ? value.doubleValue() : Double.NaN;
          if (!(number >= least && number <= most)) {
            throw wrong(name, "a number from %s to %s".formatted(least, most), value);
          }
          return number;
        });
  }

  Optional<Long> whole(String name, long least, long most) {
    return find(name)
        .map(value -> {
          if (!value.isIntegralNumber()
              || !value.canConvertToLong()
              || value.longValue() < least
              || value.longValue() > most) {
            throw wrong(name, "a whole number from %d to %d".formatted(least, most), value);
          }
          return value.longValue();
        });
  }

  Optional<Integer> count(String name, int least, int most) {
    return whole(name, least, most).map(Math::toIntExact);
  }

  /** A string, or a list of them. */
  List<String> texts(String name, int most, int longest) {
    List<String> texts = new ArrayList<>();
    find(name)
        .ifPresent(value -> {
          Iterable<JsonNode> items = value.isArray() ? value : List.of(value);
          for (JsonNode item : items) {
            if (!item.isString()
                || item.stringValue().isEmpty()
                || item.stringValue().length() > longest
                || texts.size() == most) {
              throw wrong(
                  name,
                  "a string of 1 to %d characters, or up to %d of them".formatted(longest, most),
                  value);
            }
            texts.add(item.stringValue());
          }
        });
    return texts;
  }

  static ApiError wrong(String name, String expected, JsonNode found) {
    String text = found.toString();
    return ApiError.invalid(
        name,
        "Invalid '%s': expected %s, found %s"
            .formatted(
                name,
                expected,
                text.length() > LONGEST_NAME ? text.substring(0, LONGEST_NAME) + "…" : text));
  }
}
