package dev.phial.target.gguf;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.Config;
import dev.phial.source.GgufValue;
import dev.phial.source.HuggingFace;
import dev.phial.source.TokenizerJson;
import dev.phial.source.TokenizerJson.AddedToken;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * Which ids begin and end a text, whether the tokenizer adds them, and the chat template: gguf-py's
 * {@code SpecialVocab}.
 */
final class SpecialTokens {
  /** What tokenizer files call each token, and what GGUF does. */
  private static final Map<String, String> ID_KEYS = new LinkedHashMap<>();

  static {
    ID_KEYS.put("bos", "tokenizer.ggml.bos_token_id");
    ID_KEYS.put("eos", "tokenizer.ggml.eos_token_id");
    ID_KEYS.put("unk", "tokenizer.ggml.unknown_token_id");
    ID_KEYS.put("sep", "tokenizer.ggml.seperator_token_id");
    ID_KEYS.put("pad", "tokenizer.ggml.padding_token_id");
    ID_KEYS.put("mask", "tokenizer.ggml.mask_token_id");
  }

  private final HuggingFace folder;
  private final Map<String, Integer> ids = new LinkedHashMap<>();
  private final Map<String, Boolean> adds = new LinkedHashMap<>();

  private SpecialTokens(HuggingFace folder) {
    this.folder = folder;
  }

  /**
   * @param limit ids from here on are left out, if the tokenizer tells a limit
   */
  static Map<String, GgufValue> of(HuggingFace folder, int limit) {
    SpecialTokens tokens = new SpecialTokens(folder);
    Optional<Config> config = folder.json("tokenizer_config.json");
    Optional<TokenizerJson> json = folder.file("tokenizer.json").map(TokenizerJson::read);
    Map<String, String> names = names(config);
    json.ifPresent(tokenizer -> tokens.addPostProcessor(tokenizer.postProcessor(), names));
    config.ifPresent(c ->
        tokens.addConfigured(
            c, names, json.map(TokenizerJson::addedTokens).orElse(List.of()), limit));
    for (String type : ID_KEYS.keySet()) {
      JsonNode id = folder.config().json().path(type + "_token_id");
      if (id.isInt()) {
        tokens.addId(type, id.intValue(), limit);
      }
    }
    Map<String, GgufValue> values = new LinkedHashMap<>();
    tokens.ids.forEach((type, id) -> values.put(ID_KEYS.get(type), GgufValue.uint32(id)));
    tokens.adds.forEach((type, add) ->
        values.put("tokenizer.ggml.add_" + type + "_token", new GgufValue.Flag(add)));
    values.putAll(tokens.chatTemplates(config));
    return values;
  }

  /** The text of each special token. */
  private static Map<String, String> names(Optional<Config> config) {
    Map<String, String> names = new LinkedHashMap<>();
    for (String type : ID_KEYS.keySet()) {
      JsonNode entry =
          config.map(c -> c.json().path(type + "_token")).orElse(Json.MAPPER.missingNode());
      String content =
          entry.isObject()
              ? entry.path("content").asString("")
              : entry.isString() ? entry.asString() : "";
      if (!content.isEmpty()) {
        names.put(type, content);
      }
    }
    return names;
  }

  /**
   * What the post-processor adds around a text; only simple templates are understood, as in the
   * reference.
   */
  private void addPostProcessor(JsonNode postProcessor, Map<String, String> names) {
    List<JsonNode> processors = new ArrayList<>();
    postProcessor.path("processors").forEach(processors::add);
    if (processors.isEmpty()) {
      processors.add(postProcessor);
    }
    for (JsonNode processor : processors) {
      switch (processor.path("type").asString("")) {
        case "ByteLevel" -> {
          adds.putIfAbsent("bos", false);
          adds.putIfAbsent("eos", false);
        }
        case "TemplateProcessing" -> {
          JsonNode single = processor.path("single");
          if (single.size() > 1) {
            template(single.path(0), "bos", names);
            template(single.path(single.size() - 1), "eos", names);
          }
        }
        default -> {}
      }
    }
  }

  private void template(JsonNode piece, String type, Map<String, String> names) {
    String token = piece.path("SpecialToken").path("id").asString("");
    if (!token.isEmpty()) {
      adds.put(type, token.equals(names.computeIfAbsent(type, t -> token)));
    }
  }

  private void addConfigured(
      Config config, Map<String, String> names, List<AddedToken> added, int limit) {
    for (String type : ID_KEYS.keySet()) {
      JsonNode adds = config.json().path("add_" + type + "_token");
      if (adds.isBoolean() && !type.equals("unk") && !type.equals("pad") && !type.equals("mask")) {
        this.adds.putIfAbsent(type, adds.booleanValue());
      }
      String name = names.get(type);
      added.stream()
          .filter(token -> token.content().equals(name))
          .findFirst()
          .ifPresent(token -> addId(type, token.id(), limit));
    }
  }

  private void addId(String type, int id, int limit) {
    if (id < 0) {
      throw new PhialException.BadInput(
          "%s: expected an id for the special token %s, found %d"
              .formatted(folder.path(), type, id));
    }
    if (id < limit) {
      ids.putIfAbsent(type, id);
    }
  }

  private Map<String, GgufValue> chatTemplates(Optional<Config> config) {
    if (config.isEmpty()) {
      return Map.of();
    }
    JsonNode inline = config.get().json().path("chat_template");
    Map<String, String> templates = new TreeMap<>(); // named, besides the default
    String main = "";
    if (inline.isMissingNode()) {
      main = folder.file("chat_template.jinja").map(SpecialTokens::text).orElse("");
      if (!main.isEmpty()) {
        templates.putAll(additional());
      } else {
        main =
            folder
                .json("chat_template.json")
                .flatMap(json -> json.text("chat_template"))
                .orElse("");
      }
    } else if (inline.isString()) {
      main = inline.asString();
    } else if (inline.isArray()) {
      for (JsonNode choice : inline) {
        String name = choice.path("name").asString("").replaceAll("[^A-Za-z0-9]", "_");
        if (name.equals("default")) {
          main = choice.path("template").asString("");
        } else if (!name.isEmpty() && choice.path("template").isString()) {
          templates.put(name, choice.path("template").asString());
        }
      }
    }
    Map<String, GgufValue> values = new LinkedHashMap<>();
    templates.forEach((name, template) ->
        values.put("tokenizer.chat_template." + name, new GgufValue.Text(template)));
    if (!templates.isEmpty()) {
      values.put("tokenizer.chat_templates", new GgufValue.Texts(List.copyOf(templates.keySet())));
    }
    if (!main.isEmpty()) {
      values.put("tokenizer.chat_template", new GgufValue.Text(main));
    }
    return values;
  }

  private Map<String, String> additional() {
    Path more = folder.path().resolve("additional_chat_templates");
    Map<String, String> templates = new TreeMap<>();
    if (Files.isDirectory(more)) {
      try (Stream<Path> files = Files.list(more)) {
        files
            .filter(file -> file.toString().endsWith(".jinja"))
            .forEach(file ->
                templates.put(
                    file.getFileName()
                        .toString()
                        .replaceFirst("\\.jinja$", "")
                        .replaceAll("[^A-Za-z0-9]", "_"),
                    text(file)));
      } catch (IOException e) {
        throw Json.unreadable(more, e);
      }
    }
    return templates;
  }

  private static String text(Path file) {
    try {
      return Files.readString(file)
          .replace("\r\n", "\n")
          .replace('\r', '\n'); // as Python reads text
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }
}
