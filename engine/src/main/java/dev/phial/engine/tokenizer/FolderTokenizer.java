package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.Config;
import dev.phial.source.SentencePiece;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * The tokenizer of a folder in the layout of the Hugging Face hub, from whichever of its files;
 * what transformers makes of them.
 */
final class FolderTokenizer {
  private static final List<String> NAMES =
      List.of("bos_token", "eos_token", "unk_token", "pad_token");

  private final Path folder;
  private final Optional<Config> config; // tokenizer_config.json
  private final Definition definition;

  FolderTokenizer(Path folder) {
    this.folder = folder;
    this.config = json("tokenizer_config.json");
    Definition read = read();
    this.definition = read.withAdded(withConfigured(read.added()));
  }

  Definition definition() {
    return definition;
  }

  private Definition read() {
    Optional<Path> file = file("tokenizer.json");
    if (file.isPresent()) {
      return TokenizerFile.read(file.get());
    }
    file = file("tokenizer.model");
    if (file.isPresent()) {
      return sentencePiece(file.get());
    }
    file = file("vocab.json");
    if (file.isPresent() && file("merges.txt").isPresent()) {
      return pair(file.get(), folder.resolve("merges.txt"));
    }
    file = tiktoken();
    if (file.isPresent()) {
      return Tiktoken.read(file.get());
    }
    throw new PhialException.BadInput(
        "%s: expected tokenizer.json, tokenizer.model, vocab.json with merges.txt or a .tiktoken file, found none; download the tokenizer files too"
            .formatted(folder));
  }

  private Definition sentencePiece(Path file) {
    List<SentencePiece.Piece> all = SentencePiece.read(file).pieces();
    ScoredPieces pieces = new ScoredPieces(file);
    List<AddedToken> added = new ArrayList<>();
    Optional<String> unknown = Optional.empty();
    boolean hasBytes = false;
    for (int id = 0; id < all.size(); id++) {
      SentencePiece.Piece piece = all.get(id);
      switch (piece.type()) {
        case NORMAL -> pieces.add(piece.text(), id, piece.score());
        case BYTE -> {
          pieces.addApart(piece.text(), id);
          hasBytes = true;
        }
        case UNKNOWN -> {
          pieces.addApart(piece.text(), id);
          unknown = Optional.of(piece.text());
        }
        case CONTROL -> added.add(AddedToken.of(id, piece.text(), true));
        case USER_DEFINED -> added.add(AddedToken.of(id, piece.text(), false));
        case UNUSED -> {}
      }
    }
    json("added_tokens.json")
        .ifPresent(more -> {
          for (Map.Entry<String, JsonNode> token : more.json().properties()) {
            added.add(AddedToken.of(id(more, token.getValue()), token.getKey(), true));
          }
        });
    boolean prefix = config.map(c -> c.flag("add_prefix_space", true)).orElse(true);
    return new Definition(
        Steps.escapeBlanks(prefix),
        Steps.none(),
        Steps.unescapeBlanks(prefix),
        new Definition.Merging(unknown, true, hasBytes, false),
        pieces.vocabulary(),
        pieces.merges(),
        added);
  }

  /** The older pair of files: GPT-2's byte-level tokenizer, which CodeGen and Phi-1 to 2 share. */
  private static Definition pair(Path vocabulary, Path merges) {
    ArrayNode pairs = JsonNodeFactory.instance.arrayNode();
    TokenizerFile.text(merges)
        .lines()
        .filter(line -> !line.startsWith("#version") && !line.isBlank())
        .forEach(pairs::add);
    return new Definition(
        Steps.none(),
        Steps.byteLevel(true),
        Steps.byteLevel(true),
        new Definition.Merging(Optional.empty(), false, false, false),
        TokenizerFile.vocabulary(vocabulary),
        Definition.MAPPER.writeValueAsString(pairs),
        List.of());
  }

  /** Of a token that two files describe, tokenizer_config.json is believed. */
  private List<AddedToken> withConfigured(List<AddedToken> added) {
    Map<String, AddedToken> tokens = new LinkedHashMap<>();
    added.forEach(token -> tokens.put(token.content(), token));
    Optional<Config> decoder = config.flatMap(c -> c.object("added_tokens_decoder"));
    if (decoder.isPresent()) {
      for (Map.Entry<String, JsonNode> entry : decoder.get().json().properties()) {
        if (!entry.getKey().matches("\\d{1,9}")) {
          throw new PhialException.BadInput(
              "%s: expected an id for each added token, found %s"
                  .formatted(decoder.get().file(), entry.getKey()));
        }
        AddedToken token = AddedToken.of(Integer.parseInt(entry.getKey()), entry.getValue());
        if (!token.content().isEmpty()) {
          tokens.put(token.content(), token);
        }
      }
    }
    return List.copyOf(tokens.values());
  }

  SpecialTokens special() {
    Map<String, String> names = new HashMap<>();
    json("special_tokens_map.json").ifPresent(map -> addNames(map, names));
    config.ifPresent(c -> addNames(c, names));
    Optional<Config> model =
        json("config.json").or(() -> json("genai_config.json").flatMap(c -> c.object("model")));
    Optional<Config> generation = json("generation_config.json");
    Set<Integer> ends = new TreeSet<>();
    model.ifPresent(c -> addIds(c, "eos_token_id", ends));
    generation.ifPresent(c -> addIds(c, "eos_token_id", ends));
    named(names, "eos_token").ifPresent(ends::add);
    SpecialTokens.addTurnEnds(definition.added(), ends);
    Set<Integer> begins = new TreeSet<>();
    model.ifPresent(c -> addIds(c, "bos_token_id", begins));
    OptionalInt begin = named(names, "bos_token");
    if (begin.isEmpty() && !begins.isEmpty()) {
      begin = OptionalInt.of(begins.iterator().next());
    }
    return new SpecialTokens(names, begin, addsBegin(), ends);
  }

  /** As the GGUF file of the same model says it: Llama's tokenizer does unless told not to. */
  private boolean addsBegin() {
    boolean isSentencePiece = file("tokenizer.model").isPresent();
    return config.map(c -> c.flag("add_bos_token", isSentencePiece)).orElse(isSentencePiece);
  }

  private OptionalInt named(Map<String, String> names, String name) {
    String content = names.get(name);
    return definition.added().stream()
        .filter(token -> token.content().equals(content))
        .mapToInt(AddedToken::id)
        .findFirst();
  }

  private static void addNames(Config config, Map<String, String> names) {
    for (String name : NAMES) {
      JsonNode value = config.json().path(name);
      String content = value.isObject() ? value.path("content").asString("") : value.asString("");
      if (!content.isEmpty()) {
        names.put(name, content);
      }
    }
  }

  /** One id, or a list of them. */
  private static void addIds(Config config, String field, Set<Integer> ids) {
    JsonNode value = config.json().path(field);
    if (value.isArray()) {
      value.forEach(id -> ids.add(id(config, id)));
    } else if (config.has(field)) {
      ids.add(id(config, value));
    }
  }

  private static int id(Config config, JsonNode value) {
    if (!value.isInt() || value.intValue() < 0) {
      throw new PhialException.BadInput(
          "%s: expected token ids, found %s".formatted(config.file(), value));
    }
    return value.intValue();
  }

  private Optional<Config> json(String name) {
    return file(name).map(Config::read);
  }

  private Optional<Path> file(String name) {
    Path file = folder.resolve(name);
    return Files.isRegularFile(file) ? Optional.of(file) : Optional.empty();
  }

  private Optional<Path> tiktoken() {
    try (Stream<Path> files = Files.list(folder)) {
      return files.filter(file -> file.toString().endsWith(".tiktoken")).sorted().findFirst();
    } catch (IOException e) {
      throw Json.unreadable(folder, e);
    }
  }
}
