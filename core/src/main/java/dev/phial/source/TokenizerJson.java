package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * A Hugging Face {@code tokenizer.json}. The vocabulary and the merges, hundreds of thousands of
 * entries, are streamed; the small rest is kept as it is.
 *
 * @param vocabulary token to id, added tokens aside
 * @param merges pairs with a space between, blanks within a token written as {@code Ġ}
 * @param ignoresMerges whether a word that is a token needs no merging
 * @param preTokenizer how text is split first, or null
 * @param postProcessor what is added around the ids, or null
 */
public record TokenizerJson(
    Map<String, Integer> vocabulary,
    List<String> merges,
    boolean ignoresMerges,
    List<AddedToken> addedTokens,
    JsonNode preTokenizer,
    JsonNode postProcessor) {

  private static final int MOST = 1 << 19; // tokens, and merges; twice those of any model

  /**
   * A token outside the model's vocabulary.
   *
   * @param normalized whether it is looked for in normalized text
   */
  public record AddedToken(int id, String content, boolean special, boolean normalized) {}

  /**
   * @throws PhialException.BadInput if the file is missing or malformed
   */
  public static TokenizerJson read(Path file) {
    Builder builder = new Builder(file);
    try (InputStream in = Json.open(file);
        JsonParser parser = Config.MAPPER.createParser(in)) {
      builder.read(parser);
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
    return builder.build();
  }

  /**
   * The vocabulary and merges of a folder that has the older pair of files instead.
   *
   * @param vocab {@code vocab.json}
   * @param mergeLines the lines of {@code merges.txt}
   */
  public static TokenizerJson of(
      Config vocab, List<String> mergeLines, List<AddedToken> addedTokens) {
    Map<String, Integer> vocabulary = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : vocab.json().properties()) {
      vocabulary.put(entry.getKey(), id(vocab.file(), entry.getKey(), entry.getValue()));
    }
    List<String> merges =
        mergeLines.stream()
            .skip(
                !mergeLines.isEmpty() && mergeLines.getFirst().startsWith("#")
                    ? 1
                    : 0) // the version
            .map(line -> line.strip().split("\\s+"))
            .filter(words -> words.length == 2)
            .map(words -> words[0] + " " + words[1])
            .toList();
    JsonNodeFactory json = JsonNodeFactory.instance;
    // what these files meant when they were the only ones: GPT-2's byte-level tokenizer
    JsonNode byteLevel =
        json.objectNode()
            .put("type", "ByteLevel")
            .put("add_prefix_space", false)
            .put("use_regex", true);
    return new TokenizerJson(vocabulary, merges, false, addedTokens, byteLevel, json.nullNode());
  }

  private static int id(Path file, String token, JsonNode value) {
    if (!value.isInt() || value.intValue() < 0) {
      throw wrongId(file, token, value);
    }
    return value.intValue();
  }

  private static PhialException wrongId(Path file, String token, Object found) {
    return Refusal.bad(file, "token %s: expected an id, found %s", token, found);
  }

  /** Collects what the stream brings, in whatever order. */
  private static final class Builder {
    private final Path file;
    private final Map<String, Integer> vocabulary = new LinkedHashMap<>();
    private final List<String> merges = new ArrayList<>();
    private final List<AddedToken> addedTokens = new ArrayList<>();
    private boolean ignoresMerges;
    private JsonNode preTokenizer = JsonNodeFactory.instance.nullNode();
    private JsonNode postProcessor = JsonNodeFactory.instance.nullNode();

    Builder(Path file) {
      this.file = file;
    }

    TokenizerJson build() {
      return new TokenizerJson(
          vocabulary, merges, ignoresMerges, List.copyOf(addedTokens), preTokenizer, postProcessor);
    }

    void read(JsonParser parser) {
      expect(parser.nextToken(), JsonToken.START_OBJECT, "the file");
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "model" -> readModel(parser);
          case "added_tokens" -> readAddedTokens(parser);
          case "pre_tokenizer" -> preTokenizer = parser.readValueAsTree();
          case "post_processor" -> postProcessor = parser.readValueAsTree();
          default -> parser.skipChildren();
        }
      }
      expect(parser.nextToken(), null, "the end of the file");
    }

    private void readAddedTokens(JsonParser parser) {
      expect(parser.currentToken(), JsonToken.START_ARRAY, "added_tokens");
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        addToken(parser.readValueAsTree());
        checkCount("added tokens", addedTokens.size());
      }
    }

    private void readModel(JsonParser parser) {
      expect(parser.currentToken(), JsonToken.START_OBJECT, "model");
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String key = parser.currentName();
        parser.nextToken();
        switch (key) {
          case "vocab" -> readVocabulary(parser);
          case "merges" -> readMerges(parser);
          case "ignore_merges" -> ignoresMerges = parser.currentToken() == JsonToken.VALUE_TRUE;
          default -> parser.skipChildren();
        }
      }
    }

    private void readVocabulary(JsonParser parser) {
      if (parser.currentToken() != JsonToken.START_OBJECT) {
        parser.skipChildren(); // a unigram model lists pairs; no Phi has one
        return;
      }
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String token = parser.currentName();
        expect(parser.nextToken(), JsonToken.VALUE_NUMBER_INT, "token " + token);
        if (parser.getNumberType() != JsonParser.NumberType.INT || parser.getIntValue() < 0) {
          throw wrongId(file, token, parser.getString());
        }
        vocabulary.put(token, parser.getIntValue());
        checkCount("tokens", vocabulary.size());
      }
    }

    private void readMerges(JsonParser parser) {
      expect(parser.currentToken(), JsonToken.START_ARRAY, "merges");
      while (parser.nextToken() != JsonToken.END_ARRAY) {
        checkCount("merges", merges.size());
        if (parser.currentToken() == JsonToken.VALUE_STRING) {
          merges.add(parser.getString());
          continue;
        }
        expect(parser.currentToken(), JsonToken.START_ARRAY, "a merge");
        String left = mergePart(parser);
        String right = mergePart(parser);
        expect(parser.nextToken(), JsonToken.END_ARRAY, "a merge");
        merges.add(left + " " + right);
      }
    }

    private String mergePart(JsonParser parser) {
      expect(parser.nextToken(), JsonToken.VALUE_STRING, "a merge");
      return parser.getString().replace(' ', (char) (' ' + 256));
    }

    private void addToken(JsonNode token) {
      String content = token.path("content").asString("");
      addedTokens.add(
          new AddedToken(
              id(file, content, token.path("id")),
              content,
              token.path("special").asBoolean(false),
              token.path("normalized").asBoolean(true)));
    }

    private void checkCount(String what, int count) {
      if (count > MOST) {
        throw Refusal.bad(file, "expected at most %d %s, found more", MOST, what);
      }
    }

    private void expect(@Nullable JsonToken found, @Nullable JsonToken expected, String where) {
      if (found != expected) {
        throw Refusal.bad(
            file,
            "expected %s for %s, found %s; the tokenizer is damaged",
            expected == null ? "nothing more" : expected,
            where,
            found == null ? "the end" : found);
      }
    }
  }
}
