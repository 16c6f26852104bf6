package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.Printable;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;

/**
 * The tokens of a folder beside its vocabulary: those of conversations, and those of fine-tunes. A
 * file that cannot be read has none here, and is refused by whatever needs it.
 */
final class AddedTokens {
  private static final int LONGEST = 80; // in a message

  private final List<Token> tokens = new ArrayList<>();

  private record Token(Path file, String content, long id) {}

  private AddedTokens() {}

  static AddedTokens of(Folder folder) {
    AddedTokens added = new AddedTokens();
    for (String name : List.of("tokenizer.json", "added_tokens.json", "tokenizer_config.json")) {
      try {
        folder.file(name).ifPresent(added::read);
      } catch (PhialException | JacksonException e) {
        // so it has none
      }
    }
    return added;
  }

  private void read(Path file) {
    switch (file.getFileName().toString()) {
      case "tokenizer.json" -> readTokenizer(file);
      case "added_tokens.json" -> {
        for (Map.Entry<String, JsonNode> token : Config.read(file).json().properties()) {
          add(file, token.getKey(), token.getValue().asLong(-1));
        }
      }
      default -> {
        JsonNode decoder = Config.read(file).json().path("added_tokens_decoder");
        for (Map.Entry<String, JsonNode> token : decoder.properties()) {
          String content = token.getValue().path("content").stringValue("");
          add(
              file,
              content,
              token.getKey().matches("\\d{1,18}") ? Long.parseLong(token.getKey()) : -1);
        }
      }
    }
  }

  /** They stand before the vocabulary, which is long. */
  private void readTokenizer(Path file) {
    try (InputStream in = Json.open(file);
        JsonParser parser = Config.MAPPER.createParser(in)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        if (key.equals("added_tokens")) {
          JsonNode list = parser.readValueAsTree();
          list.forEach(token ->
              add(file, token.path("content").stringValue(""), token.path("id").asLong(-1)));
          return;
        }
        parser.skipChildren();
      }
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private void add(Path file, String content, long id) {
    tokens.add(new Token(file, content, id));
  }

  Set<String> contents() {
    return tokens.stream().map(Token::content).collect(Collectors.toSet());
  }

  /** What to say of the first whose id has no row in an embedding of {@code rows}, if one has. */
  Optional<String> beyond(int rows) {
    return tokens.stream()
        .filter(token -> token.id >= rows)
        .findFirst()
        .map(token ->
            "%s: token %s has the id %d, but the embedding has %d rows: a text with it cannot be run; resize the embedding (transformers: resize_token_embeddings), or remove the token"
                .formatted(token.file, Printable.of(token.content, LONGEST), token.id, rows));
  }
}
