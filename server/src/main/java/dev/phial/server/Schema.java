package dev.phial.server;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;
import tools.jackson.databind.JsonNode;

/**
 * What JSON may look like: the part of JSON Schema that can be held to while a text is written,
 * letter by letter. The rest is refused rather than ignored.
 */
sealed interface Schema {
  /** Anything. */
  record Any() implements Schema {}

  /** An object with these properties, in this order. */
  record Properties(List<Property> properties) implements Schema {}

  /** One of them. */
  record Property(String name, Schema value, boolean required) {}

  /** An object with any names. */
  record Dictionary(Schema values) implements Schema {}

  /** A list. */
  record Items(Schema each, int least, int most) implements Schema {}

  /** A text, by its characters. */
  record Text(int least, int most) implements Schema {}

  /** A number. */
  record Numeral(boolean isWhole) implements Schema {}

  /** One of some values, as JSON writes them. */
  record Literals(List<String> texts) implements Schema {}

  /** One of several. */
  record Choice(List<Schema> schemas) implements Schema {}

  /** What another place says, which may be around this one. */
  record Reference(String place, Map<String, Schema> places) implements Schema {
    Schema resolved() {
      return places.getOrDefault(place, new Choice(List.of()));
    }

    /** By the name alone: it may hold itself. */
    @Override
    public boolean equals(@Nullable Object other) {
      return other instanceof Reference reference && reference.place.equals(place);
    }

    @Override
    public int hashCode() {
      return place.hashCode();
    }

    @Override
    public String toString() {
      return place;
    }
  }

  /** Any object: what {@code json_object} promises. */
  Schema OBJECT = new Dictionary(new Any());

  /**
   * Understands a schema.
   *
   * @throws ApiError if it asks for what cannot be held to
   */
  static Schema of(JsonNode json) {
    Reader reader = new Reader(json);
    Schema schema = reader.read(json, "schema", 0);
    reader.resolve();
    if (!isObject(schema, 0)) {
      throw Reader.unsupported("schema", "an object at the top");
    }
    return schema;
  }

  private static boolean isObject(Schema schema, int depth) {
    return switch (schema) {
      case Properties _, Dictionary _ -> true;
      case Choice choice ->
          depth < Reader.DEEPEST
              && !choice.schemas.isEmpty()
              && choice.schemas.stream().allMatch(each -> isObject(each, depth + 1));
      case Reference reference ->
          depth < Reader.DEEPEST && isObject(reference.resolved(), depth + 1);
      default -> false;
    };
  }

  /** Reads one. */
  final class Reader {
    private static final int MOST = 2000;
    private static final int DEEPEST = 32;
    private static final int UNLIMITED = Integer.MAX_VALUE;
    private static final Set<String> NOTES =
        Set.of(
            "title",
            "description",
            "default",
            "examples",
            "$schema",
            "$id",
            "$comment",
            "$defs",
            "definitions");

    private final JsonNode root;
    private final Map<String, Schema> places = new HashMap<>();
    private final Set<String> wanted = new HashSet<>();
    private int count;

    private Reader(JsonNode root) {
      this.root = root;
    }

    private static ApiError unsupported(String place, String expected) {
      return ApiError.unsupported(
          "response_format", "%s: expected %s, found another".formatted(place, expected));
    }

    /** Reads what was referred to, and what that refers to. */
    private void resolve() {
      for (Optional<String> next = open(); next.isPresent(); next = open()) {
        String place = next.get();
        JsonNode found = place.equals("#") ? root : root.at(place.substring(1));
        if (found.isMissingNode()) {
          throw unsupported(place, "a place in the schema");
        }
        places.put(place, read(found, place, 0));
      }
      for (String place : wanted) {
        checkBegins(new Reference(place, places), new HashSet<>());
      }
    }

    private Optional<String> open() {
      return wanted.stream().filter(place -> !places.containsKey(place)).findFirst();
    }

    /** A schema that begins with itself says nothing. */
    private void checkBegins(Schema schema, Set<String> within) {
      if (schema instanceof Choice choice) {
        choice.schemas.forEach(each -> checkBegins(each, within));
      } else if (schema instanceof Reference reference) {
        if (!within.add(reference.place)) {
          throw unsupported(reference.place, "something besides itself");
        }
        checkBegins(reference.resolved(), within);
        within.remove(reference.place);
      }
    }

    private Schema read(JsonNode json, String place, int depth) {
      if (++count > MOST || depth > DEEPEST) {
        throw unsupported(place, "at most %d schemas, %d deep".formatted(MOST, DEEPEST));
      }
      if (json.isBoolean() && json.booleanValue()) {
        return new Any();
      }
      if (!json.isObject()) {
        throw unsupported(place, "a schema");
      }
      if (json.has("$ref")) {
        allow(json, place, Set.of("$ref"));
        String to = json.path("$ref").asString("");
        if (!to.equals("#") && !to.startsWith("#/")) {
          throw unsupported(place, "a reference within the schema");
        }
        wanted.add(to);
        return new Reference(to, places);
      } else if (json.has("enum") || json.has("const")) {
        allow(json, place, Set.of("enum", "const", "type"));
        Set<String> texts = new LinkedHashSet<>();
        for (JsonNode value : json.has("enum") ? json.path("enum") : List.of(json.path("const"))) {
          if (value.isContainer()) {
            throw unsupported(place, "texts, numbers, true, false or null");
          }
          texts.add(ascii(value));
        }
        if (texts.isEmpty() || texts.size() > MOST) {
          throw unsupported(place, "1 to %d values".formatted(MOST));
        }
        return new Literals(List.copyOf(texts));
      } else if (json.has("anyOf")) {
        allow(json, place, Set.of("anyOf"));
        List<Schema> all = new ArrayList<>();
        json.path("anyOf").forEach(each -> all.add(read(each, place + ".anyOf", depth + 1)));
        if (all.isEmpty()) {
          throw unsupported(place + ".anyOf", "at least one schema");
        }
        return new Choice(all);
      }
      return typed(json, place, depth);
    }

    private Schema typed(JsonNode json, String place, int depth) {
      JsonNode type = json.path("type");
      if (type.isArray()) {
        List<Schema> all = new ArrayList<>();
        for (JsonNode each : type) {
          all.add(typed(json, each.asString(""), place, depth, false));
        }
        return new Choice(all);
      }
      String name =
          json.has("properties")
              ? type.asString("object")
              : json.has("items") ? type.asString("array") : type.asString("");
      if (name.isEmpty()) {
        allow(json, place, Set.of());
        return new Any();
      }
      return typed(json, name, place, depth, true);
    }

    private Schema typed(JsonNode json, String type, String place, int depth, boolean isAlone) {
      return switch (type) {
        case "object" -> {
          allow(
              json,
              place,
              isAlone ? Set.of("type", "properties", "required", "additionalProperties") : ALL);
          yield object(json, place, depth);
        }
        case "array" -> {
          checkOrder(json, place, "minItems", "maxItems");
          allow(json, place, isAlone ? Set.of("type", "items", "minItems", "maxItems") : ALL);
          JsonNode items = json.path("items");
          yield new Items(
              items.isMissingNode() ? new Any() : read(items, place + ".items", depth + 1),
              number(json, "minItems", place, 0),
              number(json, "maxItems", place, UNLIMITED));
        }
        case "string" -> {
          checkOrder(json, place, "minLength", "maxLength");
          allow(json, place, isAlone ? Set.of("type", "minLength", "maxLength") : ALL);
          yield new Text(
              number(json, "minLength", place, 0), number(json, "maxLength", place, UNLIMITED));
        }
        case "number", "integer" -> {
          allow(json, place, isAlone ? Set.of("type") : ALL);
          yield new Numeral(type.equals("integer"));
        }
        case "boolean" -> {
          allow(json, place, isAlone ? Set.of("type") : ALL);
          yield new Literals(List.of("true", "false"));
        }
        case "null" -> {
          allow(json, place, isAlone ? Set.of("type") : ALL);
          yield new Literals(List.of("null"));
        }
        default -> throw unsupported(place + ".type", "a type of JSON");
      };
    }

    /** Where several types are possible, what is said may be for any of them. */
    private static final Set<String> ALL =
        Set.of(
            "type",
            "properties",
            "required",
            "additionalProperties",
            "items",
            "minItems",
            "maxItems",
            "minLength",
            "maxLength");

    private Schema object(JsonNode json, String place, int depth) {
      JsonNode properties = json.path("properties");
      JsonNode more = json.path("additionalProperties");
      Set<String> required = new HashSet<>();
      json.path("required").forEach(name -> required.add(name.asString("")));
      if (properties.isEmpty() && required.isEmpty() && !more.isBoolean()) {
        return new Dictionary(
            more.isMissingNode()
                ? new Any()
                : read(more, place + ".additionalProperties", depth + 1));
      }
      List<Property> all = new ArrayList<>();
      for (Map.Entry<String, JsonNode> entry : properties.properties()) {
        all.add(
            new Property(
                ascii(Json.MAPPER.getNodeFactory().stringNode(entry.getKey())),
                read(entry.getValue(), place + "." + entry.getKey(), depth + 1),
                required.remove(entry.getKey())));
      }
      if (!required.isEmpty()) {
        throw unsupported(place + ".required", "names of properties");
      }
      return properties.isEmpty() && more.asBoolean(true)
          ? new Dictionary(new Any())
          : new Properties(all);
    }

    /** As JSON, without letters that a vocabulary may lack. */
    private static String ascii(JsonNode value) {
      return new String(PythonJson.dump(value, 0), StandardCharsets.US_ASCII);
    }

    private static void checkOrder(JsonNode json, String place, String least, String most) {
      if (number(json, least, place, 0) > number(json, most, place, UNLIMITED)) {
        throw unsupported(place + "." + most, "at least " + least);
      }
    }

    private static int number(JsonNode json, String name, String place, int usual) {
      JsonNode value = json.path(name);
      if (value.isMissingNode()) {
        return usual;
      }
      if (!value.isInt() || value.intValue() < 0) {
        throw unsupported(place + "." + name, "a whole number");
      }
      return value.intValue();
    }

    private static void allow(JsonNode json, String place, Set<String> known) {
      for (String name : json.propertyNames()) {
        if (!known.contains(name) && !NOTES.contains(name)) {
          throw ApiError.unsupported(
              "response_format",
              "%s: the keyword %s cannot be held to while a text is written; describe it to the model instead"
                  .formatted(place, name));
        }
      }
    }
  }
}
