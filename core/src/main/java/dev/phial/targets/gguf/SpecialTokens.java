package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.GgufValue;
import dev.phial.source.TextFile;
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
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;

/**
 * Which ids begin and end a text, whether the tokenizer adds them, and the chat template: gguf-py's
 * {@code SpecialVocab}, whose guesses from a post-processor are followed to the letter.
 */
final class SpecialTokens {
  private static final JsonNodeFactory JSON = JsonNodeFactory.instance;

  /** What GGUF calls the id of each kind of token; of {@code cls} it does not tell. */
  private static final Map<String, String> ID_KEYS =
      Map.of(
          "bos", "tokenizer.ggml.bos_token_id",
          "eos", "tokenizer.ggml.eos_token_id",
          "unk", "tokenizer.ggml.unknown_token_id",
          "sep", "tokenizer.ggml.seperator_token_id",
          "pad", "tokenizer.ggml.padding_token_id",
          "mask", "tokenizer.ggml.mask_token_id",
          "eot", "tokenizer.ggml.eot_token_id",
          "eom", "tokenizer.ggml.eom_token_id");

  /** The kinds of which GGUF tells whether they are added. */
  private static final List<String> ADDED = List.of("bos", "eos", "sep");

  private final Folder folder;
  private final int limit;
  private final Optional<Config> config;

  /** Kinds in the order in which they are written. */
  private final List<String> kinds =
      new ArrayList<>(List.of("bos", "eos", "unk", "sep", "pad", "cls", "mask"));

  /** Kind to what tokenizer_config.json says of it: a text, or an object with one. */
  private final Map<String, JsonNode> tokens = new LinkedHashMap<>();

  private final Map<String, Integer> ids = new LinkedHashMap<>();
  private final Map<String, Boolean> adds = new LinkedHashMap<>();

  private SpecialTokens(Folder folder, int limit) {
    this.folder = folder;
    this.limit = limit;
    this.config = folder.json("tokenizer_config.json").filter(c -> !c.json().isEmpty());
    config.ifPresent(c -> kinds.forEach(kind -> tokens.put(kind, c.json().path(kind + "_token"))));
  }

  /**
   * @param limit ids from here on are left out, if the tokenizer tells a limit
   */
  static Map<String, GgufValue> of(Folder folder, int limit) {
    SpecialTokens special = new SpecialTokens(folder, limit);
    Optional<TokenizerJson> json = folder.file("tokenizer.json").map(TokenizerJson::read);
    json.ifPresent(tokenizer -> special.addPostProcessor(tokenizer.postProcessor()));
    special.addConfigured(json.map(TokenizerJson::addedTokens).orElse(List.of()));
    special.addModelIds();
    Map<String, GgufValue> values = new LinkedHashMap<>();
    special.ids.forEach((kind, id) -> {
      String key = ID_KEYS.get(kind);
      if (key != null) {
        values.put(key, GgufValue.uint32(id));
      }
    });
    special.adds.forEach((kind, add) -> {
      if (ADDED.contains(kind)) {
        values.put("tokenizer.ggml.add_" + kind + "_token", new GgufValue.Flag(add));
      }
    });
    values.putAll(chatTemplates(special.chatTemplate()));
    return values;
  }

  private void addPostProcessor(JsonNode postProcessor) {
    if (config.isPresent()) {
      putIfUnset("bos", token("cls"));
      putIfUnset("eos", token("sep"));
    }
    JsonNode several = postProcessor.path("processors");
    for (JsonNode processor : several.isMissingNode() ? List.of(postProcessor) : several) {
      switch (processor.path("type").asString("")) {
        case "ByteLevel" -> {
          adds.putIfAbsent("bos", false);
          adds.putIfAbsent("eos", false);
        }
        case "RobertaProcessing" -> {
          ADDED.forEach(kind -> adds.put(kind, true));
          if (config.isPresent()) {
            putIfUnset("cls", processor.path("cls").path(0));
            putIfUnset("sep", processor.path("sep").path(0));
          }
        }
        case "TemplateProcessing" -> addTemplate(processor);
        default -> {}
      }
    }
  }

  /** Only simple templates are understood, as in the reference. */
  private void addTemplate(JsonNode processor) {
    JsonNode single = processor.path("single");
    JsonNode first = JSON.missingNode();
    JsonNode last = JSON.missingNode();
    if (single.size() > 1) {
      first = specialToken(single.path(0));
      if (isSet(first)) {
        addFirst(first);
      }
      last = specialToken(single.path(single.size() - 1));
      if (isSet(last)) {
        addLast(last);
      }
    }
    List<JsonNode> pair = processor.path("pair").valueStream().toList();
    if (!pair.isEmpty() && isSet(last) && specialToken(pair.getLast()).equals(last)) {
      pair = pair.subList(0, pair.size() - 1);
    }
    if (!pair.isEmpty() && isSet(first) && specialToken(pair.getFirst()).equals(first)) {
      pair = pair.subList(1, pair.size());
    }
    addSeparator(pair, isSet(last));
  }

  private void addFirst(JsonNode first) {
    if (config.isEmpty()) {
      tokens.put("bos", first);
    } else if (!first.equals(token("bos")) && !first.equals(token("cls"))) {
      putIfUnset("bos", first);
      putIfUnset("cls", first);
    }
    adds.put("bos", first.equals(token("bos")) || first.equals(token("cls")));
  }

  /** What ends a text is its end; what was called so ends a turn. */
  private void addLast(JsonNode last) {
    if (config.isPresent() && !last.equals(token("eos"))) {
      Stream.of("eot", "eom")
          .filter(kind -> !kinds.contains(kind))
          .findFirst()
          .ifPresent(kind -> {
            kinds.add(kind);
            tokens.put(kind, token("eos"));
          });
    }
    tokens.put("eos", last);
    adds.put("eos", true);
  }

  /**
   * Two texts may be kept apart by one or two tokens.
   *
   * @param pair the template of two texts, without what surrounds them
   */
  private void addSeparator(List<JsonNode> pair, boolean ends) {
    if (pair.size() < 3
        || !sequence(pair.getFirst()).equals("A")
        || !sequence(pair.getLast()).equals("B")) {
      return;
    }
    boolean separates = isSeparator(pair.get(1)) && !ends;
    if (pair.size() == 4) {
      separates |= isSeparator(pair.get(2));
    }
    adds.put("sep", separates);
    if (separates && config.isPresent()) {
      putIfUnset("sep", token("eos"));
    }
  }

  private boolean isSeparator(JsonNode piece) {
    JsonNode token = specialToken(piece);
    return isSet(token) && (token.equals(token("sep")) || token.equals(token("eos")));
  }

  private static JsonNode specialToken(JsonNode piece) {
    return piece.path("SpecialToken").path("id");
  }

  private static String sequence(JsonNode piece) {
    return piece.path("Sequence").path("id").asString("");
  }

  private JsonNode token(String kind) {
    return tokens.getOrDefault(kind, JSON.missingNode());
  }

  private void putIfUnset(String kind, JsonNode token) {
    if (!isSet(token(kind))) {
      tokens.put(kind, token);
    }
  }

  private static boolean isSet(JsonNode token) {
    return token.isString() ? !token.stringValue().isEmpty() : !token.isEmpty();
  }

  private void addConfigured(List<AddedToken> added) {
    if (config.isEmpty()) {
      return;
    }
    for (String kind : kinds) {
      JsonNode adds = config.get().json().path("add_" + kind + "_token");
      if (adds.isBoolean()) {
        this.adds.putIfAbsent(kind, adds.booleanValue());
      }
      JsonNode token = token(kind).isObject() ? token(kind).path("content") : token(kind);
      if (token.isString()) {
        added.stream()
            .filter(entry -> entry.content().equals(token.stringValue()))
            .findFirst()
            .ifPresent(entry -> addId(kind, entry.id()));
      }
    }
  }

  /** What config.json says where the tokenizer said nothing. */
  private void addModelIds() {
    for (String kind : kinds) {
      JsonNode id = folder.config().json().path(kind + "_token_id");
      if (id.isInt()) {
        addId(kind, id.intValue());
      }
    }
  }

  private void addId(String kind, int id) {
    if (id < 0) {
      throw new PhialException.BadInput(
          "%s: expected an id for the special token %s, found %d"
              .formatted(folder.path(), kind, id));
    }
    if (id < limit) {
      ids.putIfAbsent(kind, id);
    }
  }

  /** A text, or a list of objects with a name and a template each, or something else. */
  private JsonNode chatTemplate() {
    if (config.isEmpty()) {
      return JSON.missingNode();
    }
    JsonNode inline = config.get().json().path("chat_template");
    Optional<Path> file = folder.file("chat_template.jinja");
    if (!inline.isMissingNode()) {
      return inline;
    }
    if (file.isEmpty()) {
      return folder
          .json("chat_template.json")
          .map(json -> json.json().path("chat_template"))
          .orElse(JSON.missingNode());
    }
    Map<String, String> more = additional();
    if (more.isEmpty()) {
      return JSON.stringNode(TextFile.readLikePython(file.get()));
    }
    ArrayNode choices = JSON.arrayNode();
    choices.addObject().put("name", "default").put("template", TextFile.readLikePython(file.get()));
    more.forEach(
        (name, template) -> choices.addObject().put("name", name).put("template", template));
    return choices;
  }

  private static Map<String, GgufValue> chatTemplates(JsonNode given) {
    String main = given.isString() ? given.stringValue() : "";
    Map<String, String> templates = new LinkedHashMap<>(); // named, besides the default
    for (JsonNode choice : given.isArray() ? given : JSON.arrayNode()) {
      String name = choice.path("name").asString("").replaceAll("[^A-Za-z0-9]", "_");
      if (name.isEmpty() || !choice.path("template").isString()) {
        continue;
      }
      String template = choice.path("template").stringValue();
      if (name.equals("default")) {
        main = template;
      } else {
        templates.put(name, template);
      }
    }
    Map<String, GgufValue> values = new LinkedHashMap<>();
    templates.forEach((name, template) -> {
      if (!template.isEmpty()) {
        values.put("tokenizer.chat_template." + name, new GgufValue.Text(template));
      }
    });
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
                    file.getFileName().toString().replaceFirst("\\.jinja$", ""),
                    TextFile.readLikePython(file)));
      } catch (IOException e) {
        throw Json.unreadable(more, e);
      }
    }
    return templates;
  }
}
