package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.SentencePiece;
import dev.phial.source.TextFile;
import dev.phial.source.TokenizerJson;
import dev.phial.source.TokenizerJson.AddedToken;
import dev.phial.targets.gguf.Vocabulary.TokenType;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/**
 * Builds the vocabulary from tokenizer files, as llama.cpp's converter does ({@code
 * conversion/phi.py, base.py}).
 */
final class Vocabularies {
  private static final float ADDED_SCORE = -1000;
  private static final float PAD_SCORE = -10000;

  private final Folder folder;
  private final int size;

  private Vocabularies(Folder folder, int size) {
    this.folder = folder;
    this.size = size;
  }

  /**
   * @param size of the embedding; tokens beyond those of the tokenizer are padding
   * @param pre the way text is split, where the user says so, {@code --override-kv
   *     tokenizer.ggml.pre}
   * @throws PhialException.BadInput if tokenizer files are missing or do not fit the model
   */
  static Vocabulary of(Folder folder, int size, Optional<String> pre) {
    Vocabularies vocabularies = new Vocabularies(folder, size);
    return vocabularies.isSentencePiece()
        ? vocabularies.sentencePiece()
        : vocabularies.bytePairs(pre);
  }

  /**
   * Phi-3 has a SentencePiece model; what calls itself GPT-2 or has no such model is byte-pair
   * encoded.
   */
  private boolean isSentencePiece() {
    String type =
        folder
            .json("tokenizer_config.json")
            .flatMap(config -> config.text("tokenizer_class"))
            .orElse("");
    boolean bytePairs = type.startsWith("GPT2Tokenizer") || type.startsWith("CodeGenTokenizer");
    return !bytePairs && sentencePieceModel().isPresent();
  }

  /** The model, which folders may hold as tokenizer.json alone. */
  private Optional<SentencePiece> sentencePieceModel() {
    return folder
        .file("tokenizer.model")
        .map(SentencePiece::read)
        .or(() ->
            folder
                .file("tokenizer.json")
                .map(TokenizerJson::read)
                .flatMap(json -> SentencePiece.of(json.vocabulary())));
  }

  private Vocabulary sentencePiece() {
    SentencePiece model = sentencePieceModel().orElseThrow();
    if (model.pieces().size() > size) {
      throw tooMany("tokenizer.model", model.pieces().size());
    }
    String[] tokens = padding();
    float[] scores = new float[size];
    Arrays.fill(scores, PAD_SCORE);
    int[] types = new int[size];
    Arrays.fill(types, TokenType.UNUSED.id());
    for (int id = 0; id < model.pieces().size(); id++) {
      SentencePiece.Piece piece = model.pieces().get(id);
      tokens[id] = piece.text();
      scores[id] = piece.score();
      types[id] = type(piece.type()).id();
    }
    // the later file wins
    folder
        .json("added_tokens.json")
        .ifPresent(added -> {
          for (Map.Entry<String, JsonNode> entry : added.json().properties()) {
            int id = entry.getValue().asInt(-1);
            if (id < size) {
              add(
                  tokens,
                  scores,
                  types,
                  new AddedToken(id, entry.getKey(), false, true),
                  "added_tokens.json");
            }
          }
        });
    for (AddedToken token : configured()) {
      add(tokens, scores, types, token, "tokenizer_config.json");
    }
    folder
        .file("tokenizer.json")
        .map(TokenizerJson::read)
        .ifPresent(json ->
            json.addedTokens()
                .forEach(token -> add(tokens, scores, types, token, "tokenizer.json")));
    return new Vocabulary("llama", "default", tokens, types, Optional.of(scores), List.of());
  }

  private static TokenType type(SentencePiece.Type type) {
    return switch (type) {
      case NORMAL, USER_DEFINED -> TokenType.NORMAL;
      case UNKNOWN -> TokenType.UNKNOWN;
      case CONTROL -> TokenType.CONTROL;
      case UNUSED -> TokenType.UNUSED;
      case BYTE -> TokenType.BYTE;
    };
  }

  private void add(String[] tokens, float[] scores, int[] types, AddedToken token, String file) {
    checkId(token, file);
    tokens[token.id()] = token.content();
    scores[token.id()] = ADDED_SCORE;
    types[token.id()] = (token.special() ? TokenType.CONTROL : TokenType.USER_DEFINED).id();
  }

  private Vocabulary bytePairs(Optional<String> pre) {
    TokenizerJson json = tokenizerJson();
    String[] tokens = padding();
    int[] types = new int[size];
    Arrays.fill(types, TokenType.UNUSED.id());
    json.vocabulary()
        .forEach((token, id) -> {
          if (id >= size) {
            throw tooMany("tokenizer.json", id + 1);
          }
          tokens[id] = token;
          types[id] = TokenType.NORMAL.id();
        });
    for (AddedToken token : json.addedTokens()) {
      checkId(token, "tokenizer.json");
      boolean control = token.special() || looksSpecial(token.content());
      tokens[token.id()] = control ? token.content() : token.content().replace('▁', ' ');
      types[token.id()] = (control ? TokenType.CONTROL : TokenType.USER_DEFINED).id();
    }
    return new Vocabulary(
        "gpt2",
        pre.orElseGet(() -> PreTokenizers.name(folder.path(), json)),
        tokens,
        types,
        Optional.empty(),
        merges(json));
  }

  /**
   * The tokenizer of the folder, in whichever of the two layouts, with the added tokens of every
   * file.
   */
  private TokenizerJson tokenizerJson() {
    Optional<Path> file = folder.file("tokenizer.json");
    if (file.isPresent()) {
      TokenizerJson json = TokenizerJson.read(file.get());
      return new TokenizerJson(
          json.vocabulary(),
          json.merges(),
          json.ignoresMerges(),
          union(json.addedTokens(), configured()),
          json.preTokenizer(),
          json.postProcessor());
    }
    Config vocab =
        folder
            .json("vocab.json")
            .orElseThrow(() ->
                new PhialException.BadInput(
                    "%s: expected tokenizer.model, tokenizer.json or vocab.json, found none; download the tokenizer files too"
                        .formatted(folder.path())));
    List<AddedToken> added = new ArrayList<>(configured());
    folder
        .json("added_tokens.json")
        .ifPresent(tokens -> {
          for (Map.Entry<String, JsonNode> entry : tokens.json().properties()) {
            added.add(new AddedToken(entry.getValue().asInt(-1), entry.getKey(), false, true));
          }
        });
    return TokenizerJson.of(vocab, lines("merges.txt"), union(List.of(), added));
  }

  /** The tokens of {@code first}, then those of {@code second} with an id of their own. */
  private static List<AddedToken> union(List<AddedToken> first, List<AddedToken> second) {
    List<AddedToken> result = new ArrayList<>(first);
    Set<Integer> ids = new HashSet<>();
    first.forEach(token -> ids.add(token.id()));
    second.stream().filter(token -> ids.add(token.id())).forEach(result::add);
    return result;
  }

  private List<String> merges(TokenizerJson json) {
    return json.merges().isEmpty()
        ? TokenizerJson.of(
                new Config(folder.path(), Json.MAPPER.createObjectNode()),
                lines("merges.txt"),
                List.of())
            .merges()
        : json.merges();
  }

  private List<String> lines(String name) {
    return folder.file(name).map(TextFile::readLikePython).stream().flatMap(String::lines).toList();
  }

  /** The added tokens of tokenizer_config.json. */
  private List<AddedToken> configured() {
    List<AddedToken> tokens = new ArrayList<>();
    Optional<Config> decoder =
        folder
            .json("tokenizer_config.json")
            .flatMap(config -> config.object("added_tokens_decoder"));
    if (decoder.isPresent()) {
      for (Map.Entry<String, JsonNode> entry : decoder.get().json().properties()) {
        JsonNode token = entry.getValue();
        tokens.add(
            new AddedToken(
                entry.getKey().matches("\\d{1,9}") ? Integer.parseInt(entry.getKey()) : -1,
                token.path("content").asString(""),
                token.path("special").asBoolean(false),
                token.path("normalized").asBoolean(false)));
      }
    }
    return tokens;
  }

  private String[] padding() {
    String[] tokens = new String[size];
    for (int id = 0; id < size; id++) {
      tokens[id] = "[PAD%d]".formatted(id);
    }
    return tokens;
  }

  private void checkId(AddedToken token, String file) {
    if (token.id() < 0 || token.id() >= size) {
      throw new PhialException.BadInput(
          "%s: token %s: expected an id below vocab_size, %d, found %d; do tokenizer and model belong together?"
              .formatted(folder.path().resolve(file), token.content(), size, token.id()));
    }
  }

  private PhialException tooMany(String file, int found) {
    return new PhialException.BadInput(
        "%s: expected at most vocab_size, %d, tokens, found %d; do tokenizer and model belong together?"
            .formatted(folder.path().resolve(file), size, found));
  }

  /**
   * Added tokens that some models forgot to mark as special: the converter's {@code
   * does_token_look_special}.
   */
  private static boolean looksSpecial(String token) {
    return Set.of("<pad>", "<mask>", "<2mass>", "[@BOS@]").contains(token)
        || token.startsWith("<|") && token.endsWith("|>")
        || token.startsWith("<｜") && token.endsWith("｜>")
        || token.startsWith("<unused") && token.endsWith(">");
  }
}
