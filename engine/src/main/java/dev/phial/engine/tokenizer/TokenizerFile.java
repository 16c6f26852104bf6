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

  /** A vocabulary that makes up a whole file, as it stands: a JSON object of token to id. */
  static String vocabulary(Path file) {
    String text = text(file);
    try (JsonParser parser = Json.MAPPER.createParser(text)) {
      if (parser.nextToken() != JsonToken.START_OBJECT) {
        throw new PhialException.BadInput(
            "%s: expected an object, found %s".formatted(file, parser.currentToken()));
      }
      String whole = vocabulary(parser, text, file);
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
        vocabulary = vocabulary(parser, text, file);
      } else if (key.equals("merges")) {
        if (start != JsonToken.START_ARRAY) {
          throw new PhialException.BadInput(
              "%s: expected a list for merges, found %s; the tokenizer is damaged"
                  .formatted(file, start));
        }
        merges = merges(parser);
      } else if (start.isStructStart()) {
        parser.skipChildren(); // of other kinds of model
      } else {
        model.set(key, parser.<JsonNode>readValueAsTree());
      }
    }
  }

  /** The text of the vocabulary that the parser has just entered. */
  private static String vocabulary(JsonParser parser, String text, Path file) {
    Limits limits = new Limits(file);
    int start = offset(parser);
    for (int count = 1; parser.nextToken() == JsonToken.PROPERTY_NAME; count++) {
      limits.count("tokens", count);
      String token = limits.token(parser.currentName());
      JsonToken value = parser.nextToken();
      if (value != JsonToken.VALUE_NUMBER_INT
          || parser.getNumberType() == JsonParser.NumberType.BIG_INTEGER) {
        throw new PhialException.BadInput(
            "%s: token %s: expected an id, found %s".formatted(file, token, parser.getString()));
      }
      limits.id(parser.getLongValue());
    }
    return text.substring(start, offset(parser) + 1);
  }

  /** The text of the merges that the parser has just entered: strings, or pairs of strings. */
  private String merges(JsonParser parser) {
    Limits limits = new Limits(file);
    int start = offset(parser);
    int count = 0;
    for (JsonToken next = parser.nextToken();
        next != JsonToken.END_ARRAY;
        next = parser.nextToken()) {
      limits.count("merges", ++count);
      parser.skipChildren();
    }
    return text.substring(start, offset(parser) + 1);
  }

  /** Where the current token of the file begins. */
  private static int offset(JsonParser parser) {
    return (int) parser.currentTokenLocation().getCharOffset();
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
    JsonNode normalizer = Steps.check(file, "normalizer", parts.path("normalizer"));
    JsonNode preTokenizer = Steps.check(file, "pre_tokenizer", parts.path("pre_tokenizer"));
    JsonNode decoder = Steps.check(file, "decoder", parts.path("decoder"));
    Steps.checkGrowth(file, normalizer, preTokenizer, decoder);
    return new Definition(
        normalizer,
        preTokenizer,
        decoder,
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
