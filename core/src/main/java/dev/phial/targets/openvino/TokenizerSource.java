package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.source.ChatTemplates;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * The tokenizer files of a checkpoint as transformers understands them: tokenizer.json, where
 * tokenizer_config.json says nothing else.
 */
final class TokenizerSource {
  /** Longer than any text, for want of a limit: transformers' is 1e30, the graph's 32 bits. */
  private static final long NO_LIMIT = Integer.MAX_VALUE;

  private final Folder folder;
  private final Config file;
  private final Optional<Config> settings;
  private final TreeMap<Integer, Added> added = new TreeMap<>();

  /** A token that is found in the text before anything else is. */
  record Added(int id, String content, boolean special, boolean stripsLeft, boolean stripsRight) {}

  /**
   * @throws PhialException.BadInput if the folder has no tokenizer.json
   */
  TokenizerSource(Folder folder) {
    this.folder = folder;
    this.file =
        folder
            .json("tokenizer.json")
            .orElseThrow(() ->
                new PhialException.BadInput(
                    folder.path()
                        + ": expected tokenizer.json, which OpenVINO's tokenizer is made of, found none; save the tokenizer with transformers"));
    this.settings = folder.json("tokenizer_config.json");
    file.json().path("added_tokens").forEach(token -> add(token.path("id"), token));
    settings
        .flatMap(config -> config.object("added_tokens_decoder"))
        .ifPresent(tokens ->
            tokens.json().properties().forEach(entry -> add(entry.getKey(), entry.getValue())));
  }

  private void add(JsonNode id, JsonNode token) {
    add(id.asString(""), token);
  }

  private void add(String id, JsonNode token) {
    if (!id.matches("\\d{1,7}")) {
      throw refused("expected a small id for every added token, found " + id);
    }
    int number = Integer.parseInt(id);
    String content = token.path("content").asString("");
    if (!content.isEmpty()) {
      added.put(
          number,
          new Added(
              number,
              content,
              token.path("special").asBoolean(false),
              token.path("lstrip").asBoolean(false),
              token.path("rstrip").asBoolean(false)));
    }
  }

  PhialException refused(String problem) {
    return new PhialException.Unsupported("%s: %s".formatted(file.file(), problem));
  }

  JsonNode part(String name) {
    return file.json().path(name);
  }

  JsonNode model() {
    return part("model");
  }

  /** By id. */
  Collection<Added> added() {
    return added.values();
  }

  /** The tokens of the model by id, empty where there is none. */
  List<String> vocabulary() {
    TreeMap<Integer, String> byId = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : model().path("vocab").properties()) {
      if (!entry.getValue().isInt() || entry.getValue().intValue() < 0) {
        throw refused(
            "token %s: expected an id, found %s".formatted(entry.getKey(), entry.getValue()));
      }
      byId.put(entry.getValue().intValue(), entry.getKey());
    }
    if (byId.isEmpty() || byId.lastKey() > 2 * byId.size()) {
      throw refused("expected tokens with ids from 0 on, found none or large gaps");
    }
    List<String> tokens = new ArrayList<>();
    byId.forEach((id, token) -> {
      while (tokens.size() < id) {
        tokens.add("");
      }
      tokens.add(token);
    });
    return tokens;
  }

  /** Pairs of tokens that become one, the first ones first. */
  List<List<String>> merges() {
    List<List<String>> merges = new ArrayList<>();
    for (JsonNode merge : model().path("merges")) {
      List<String> pair =
          merge.isArray()
              ? merge.valueStream().map(part -> part.asString("")).toList()
              : List.of(merge.asString("").split(" ", 2));
      if (pair.size() != 2) {
        throw refused("expected pairs of tokens as merges, found " + merge);
      }
      merges.add(pair);
    }
    return merges;
  }

  /** The id of {@code bos_token} and the like. */
  Optional<Integer> named(String name) {
    JsonNode value = settings.map(config -> config.json().path(name)).orElse(part("nothing"));
    return id(value.isObject() ? value.path("content").asString("") : value.asString(""));
  }

  /** Of an added token, or else of one of the model. */
  Optional<Integer> id(String content) {
    JsonNode id = model().path("vocab").path(content);
    return added.values().stream()
        .filter(token -> token.content.equals(content))
        .map(Added::id)
        .findFirst()
        .or(() -> id.isInt() ? Optional.of(id.intValue()) : Optional.empty());
  }

  /** Longest text. */
  long limit() {
    double limit =
        settings
            .map(config -> config.number("model_max_length", NO_LIMIT))
            .orElse((double) NO_LIMIT);
    return limit < 1 || limit > NO_LIMIT ? NO_LIMIT : (long) limit;
  }

  boolean flag(String name, boolean otherwise) {
    return settings.map(config -> config.flag(name, otherwise)).orElse(otherwise);
  }

  /** Whether transformers adds beginning and end by itself, whatever tokenizer.json says. */
  boolean isLlama() {
    return settings
        .flatMap(config -> config.text("tokenizer_class"))
        .filter(name -> name.startsWith("Llama"))
        .isPresent();
  }

  Optional<String> chatTemplate() {
    return ChatTemplates.of(folder).chosen();
  }

  static byte[] utf8(String text) {
    return text.getBytes(StandardCharsets.UTF_8);
  }

  /** What a step of tokenizer.json is. */
  static String type(JsonNode step) {
    return step.path("type").asString("");
  }

  /** The steps of a part that is one, several or none. */
  static List<JsonNode> steps(JsonNode part, String name) {
    if (!part.isObject()) {
      return List.of();
    }
    return type(part).equals("Sequence") ? part.path(name).valueStream().toList() : List.of(part);
  }
}
