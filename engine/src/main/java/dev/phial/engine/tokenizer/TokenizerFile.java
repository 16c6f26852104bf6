package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * Reads a {@code tokenizer.json}. Vocabulary and merges, nearly all of the file, are passed on as
 * they stand; only their ends are found.
 */
final class TokenizerFile {
  private final Path file;
  private final String text;
  private final ObjectNode parts = JsonNodeFactory.instance.objectNode();
  private final ObjectNode model = JsonNodeFactory.instance.objectNode();
  private String vocabulary = "";
  private String merges = "[]";

  private TokenizerFile(Path file) {
    this.file = file;
    this.text = text(file);
  }

  /**
   * @throws PhialException.BadInput if the file is missing or damaged
   * @throws PhialException.Unsupported if it holds another kind of tokenizer than Phi models have
   */
  static Definition read(Path file) {
    TokenizerFile reader = new TokenizerFile(file);
    try (JsonParser parser = Json.MAPPER.createParser(reader.text)) {
      reader.read(parser);
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
    return reader.definition();
  }

  /** A JSON object or array that makes up a whole file, as it stands. */
  static String whole(Path file, JsonToken start) {
    String text = text(file);
    try (JsonParser parser = Json.MAPPER.createParser(text)) {
      if (parser.nextToken() != start) {
        throw new PhialException.BadInput(
            "%s: expected %s, found %s".formatted(file, start, parser.currentToken()));
      }
      String whole = slice(parser, text);
      if (parser.nextToken() != null) {
        throw new PhialException.BadInput(file + ": expected the end of the file, found more");
      }
      return whole;
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
  }

  static String text(Path file) {
    try (InputStream in = Json.open(file)) {
      return new String(in.readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private void read(JsonParser parser) {
    expectObject(parser.nextToken(), "the file");
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "model" -> readModel(parser);
        case "added_tokens", "normalizer", "pre_tokenizer", "decoder" ->
            parts.set(key, parser.<JsonNode>readValueAsTree());
        default -> parser.skipChildren();
      }
    }
  }

  private void readModel(JsonParser parser) {
    expectObject(parser.currentToken(), "model");
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      JsonToken start = parser.nextToken();
      if (key.equals("vocab") && start == JsonToken.START_OBJECT) {
        vocabulary = slice(parser, text);
      } else if (key.equals("merges")) {
        if (start != JsonToken.START_ARRAY) {
          throw new PhialException.BadInput(
              "%s: expected a list for merges, found %s; the tokenizer is damaged"
                  .formatted(file, start));
        }
        merges = slice(parser, text);
      } else if (start.isStructStart()) {
        parser.skipChildren(); // of other kinds of model
      } else {
        model.set(key, parser.<JsonNode>readValueAsTree());
      }
    }
  }

  /** The text of the object or array that the parser has just entered. */
  private static String slice(JsonParser parser, String text) {
    int start = (int) parser.currentTokenLocation().getCharOffset();
    parser.skipChildren();
    int end = (int) parser.currentTokenLocation().getCharOffset();
    return text.substring(start, end + 1);
  }

  private Definition definition() {
    String type = model.path("type").asString("BPE");
    if (!type.equals("BPE") || vocabulary.isEmpty()) {
      throw new PhialException.Unsupported(
          "%s: expected a byte-pair tokenizer, found %s".formatted(file, type));
    }
    for (String field : List.of("dropout", "continuing_subword_prefix", "end_of_word_suffix")) {
      if (model.hasNonNull(field) && !model.path(field).asString("-").isEmpty()) {
        throw new PhialException.Unsupported(
            "%s: expected no %s, found %s".formatted(file, field, model.get(field)));
      }
    }
    List<AddedToken> added = new ArrayList<>();
    for (JsonNode token : parts.path("added_tokens")) {
      JsonNode id = token.path("id");
      if (!id.isInt() || id.intValue() < 0) {
        throw new PhialException.BadInput(
            "%s: expected an id for each added token, found %s".formatted(file, id));
      }
      added.add(AddedToken.of(id.intValue(), token));
    }
    return new Definition(
        Steps.check(file, "normalizer", parts.path("normalizer")),
        Steps.check(file, "pre_tokenizer", parts.path("pre_tokenizer")),
        Steps.check(file, "decoder", parts.path("decoder")),
        new Definition.Merging(
            Optional.ofNullable(model.path("unk_token").asString(null)),
            model.path("fuse_unk").asBoolean(false),
            model.path("byte_fallback").asBoolean(false),
            model.path("ignore_merges").asBoolean(false)),
        vocabulary,
        merges,
        added);
  }

  private void expectObject(JsonToken found, String where) {
    if (found != JsonToken.START_OBJECT) {
      throw new PhialException.BadInput(
          "%s: expected an object for %s, found %s; the tokenizer is damaged"
              .formatted(file, where, found));
    }
  }
}
