package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.model.Family;
import dev.phial.model.Hyperparameters;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.TokenizerJson;
import dev.phial.source.TokenizerJson.AddedToken;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code genai_config.json}, what ONNX Runtime GenAI knows about a model. */
final class GenaiConfig {
  static final String NAME = "genai_config.json";
  static final String GRAPH = "model.onnx";

  /** Sampling defaults of transformers; what a checkpoint says otherwise is taken over. */
  private static final Map<String, Object> SAMPLING = new LinkedHashMap<>();

  /** Tokens that GenAI looks for, first those that begin a tool call. */
  private static final Map<String, List<String>> MARKS = new LinkedHashMap<>();

  static {
    SAMPLING.put("do_sample", false);
    SAMPLING.put("temperature", 1.0);
    SAMPLING.put("top_k", 50);
    SAMPLING.put("top_p", 1.0);
    MARKS.put("bot_token_id", List.of("<tool_call>", "<|tool_call|>"));
    MARKS.put("eot_token_id", List.of("</tool_call>", "<|/tool_call|>"));
    MARKS.put("bor_token_id", List.of("<think>"));
    MARKS.put("eor_token_id", List.of("</think>"));
  }

  private final Folder folder;
  private final Family family;
  private final Hyperparameters h;
  private final OnnxOptions options;
  private final Config config;
  private final Optional<Config> generation;
  private final Map<String, Integer> vocabulary = new HashMap<>();

  private GenaiConfig(Folder folder, Family family, Hyperparameters h, OnnxOptions options) {
    this.folder = folder;
    this.family = family;
    this.h = h;
    this.options = options;
    this.config = folder.config();
    this.generation = folder.json("generation_config.json");
    folder
        .file("tokenizer.json")
        .map(TokenizerJson::read)
        .ifPresent(tokenizer -> {
          vocabulary.putAll(tokenizer.vocabulary());
          for (AddedToken token : tokenizer.addedTokens()) {
            vocabulary.put(token.content(), token.id());
          }
        });
  }

  static ObjectNode of(Folder folder, Family family, Hyperparameters h, OnnxOptions options) {
    return new GenaiConfig(folder, family, h, options).build();
  }

  /** Adds what stands before the decoder of a model that sees. */
  static void addSight(ObjectNode genai) {
    ObjectNode model = (ObjectNode) genai.get("model");
    model.put("type", "phi3v");
    ObjectNode embedding = model.putObject("embedding").put("filename", EmbeddingWriter.GRAPH);
    names(embedding.putObject("inputs"), "input_ids", "image_features");
    names(embedding.putObject("outputs"), "inputs_embeds");
    ObjectNode vision = model.putObject("vision").put("filename", VisionWriter.GRAPH);
    names(vision.putObject("inputs"), "pixel_values", "image_sizes");
    names(vision.putObject("outputs"), "image_features");
  }

  private static void names(ObjectNode to, String... names) {
    for (String name : names) {
      to.put(name, name);
    }
  }

  private ObjectNode build() {
    ObjectNode root = Json.MAPPER.createObjectNode();
    ObjectNode model = root.putObject("model");
    JsonNode eos = specialToken("eos");
    if (eos.isMissingNode()) {
      throw new PhialException.BadInput(
          "%s: expected eos_token_id in config.json or generation_config.json, found none; without it generation never ends"
              .formatted(folder.path()));
    }
    JsonNode bos = specialToken("bos");
    model.set("bos_token_id", bos.isMissingNode() ? Json.MAPPER.valueToTree(1) : bos);
    model.put("context_length", h.context());
    decoder(model.putObject("decoder"));
    model.set("eos_token_id", withTurnEnd(eos));
    JsonNode pad = specialToken("pad");
    model.set("pad_token_id", !pad.isMissingNode() ? pad : eos.isArray() ? eos.get(0) : eos);
    model.put("type", type());
    model.put("vocab_size", h.vocabulary());
    MARKS.forEach((key, tokens) ->
        tokens.stream()
            .filter(vocabulary::containsKey)
            .findFirst()
            .ifPresent(token -> model.put(key, vocabulary.get(token))));
    search(root.putObject("search"));
    return root;
  }

  /** {@code Phi3ForCausalLM} is {@code phi3}. */
  private String type() {
    String named = config.json().path("architectures").path(0).stringValue("");
    String architecture =
        family.architectures().contains(named) ? named : family.architectures().getFirst();
    return architecture.substring(0, architecture.indexOf("For")).toLowerCase(Locale.ROOT);
  }

  private void decoder(ObjectNode decoder) {
    ObjectNode session = decoder.putObject("session_options");
    session.put("log_id", "onnxruntime-genai");
    ArrayNode providers = session.putArray("provider_options");
    options.provider().options().ifPresent(providers::add);
    decoder.put("filename", GRAPH);
    decoder.put("head_size", h.attention().headSize()).put("hidden_size", h.hidden());
    ObjectNode inputs = decoder.putObject("inputs");
    String first = options.excludesEmbedding() ? "inputs_embeds" : "input_ids";
    inputs.put(first, first).put("attention_mask", "attention_mask");
    if (!options.provider().fusesAttention()) {
      inputs.put("position_ids", "position_ids");
    }
    inputs.put("past_key_names", "past_key_values.%d.key");
    inputs.put("past_value_names", "past_key_values.%d.value");
    ObjectNode outputs = decoder.putObject("outputs");
    if (!options.excludesHead()) {
      outputs.put("logits", "logits");
    }
    outputs.put("present_key_names", "present.%d.key");
    outputs.put("present_value_names", "present.%d.value");
    decoder.put("num_attention_heads", h.attention().heads());
    decoder.put("num_hidden_layers", h.layers());
    decoder.put("num_key_value_heads", h.attention().keyValueHeads());
    if (h.attention().slidingWindow().isPresent() && options.provider().hasWindow()) {
      ObjectNode window = decoder.putObject("sliding_window");
      window.put("window_size", h.attention().slidingWindow().get());
      window.put("slide_key_value_cache", false).put("slide_inputs", false);
      window.putArray("layers"); // config.json names none, so the builder leaves all of them whole
      window.put("cache_slack", 0);
    }
  }

  private void search(ObjectNode search) {
    Map<String, Object> sampling = new LinkedHashMap<>(SAMPLING);
    sampling.replaceAll((key, otherwise) -> sampling(key, otherwise));
    search.put("diversity_penalty", 0.0);
    search.set("do_sample", Json.MAPPER.valueToTree(sampling.get("do_sample")));
    search.put("early_stopping", true);
    search.put("length_penalty", 1.0);
    search.put("max_length", h.context());
    search.put("min_length", 0);
    search.put("no_repeat_ngram_size", 0);
    search.put("num_beams", 1);
    search.put("num_return_sequences", 1);
    search.put("past_present_share_buffer", true);
    search.put("repetition_penalty", 1.0);
    for (String key : List.of("temperature", "top_k", "top_p")) {
      search.set(key, Json.MAPPER.valueToTree(sampling.get(key)));
    }
  }

  /** What generation_config.json says, else config.json, else the default. */
  private Object sampling(String key, Object otherwise) {
    JsonNode value = setting(key);
    return switch (otherwise) {
      case Boolean flag -> value.isBoolean() ? value.booleanValue() : flag;
      case Object number -> value.isNumber() ? value : number;
    };
  }

  private JsonNode setting(String key) {
    return generation
        .map(c -> c.json().path(key))
        .filter(value -> !value.isNull() && !value.isMissingNode())
        .orElse(config.json().path(key));
  }

  /** An id, or several; missing if nobody says. */
  private JsonNode specialToken(String name) {
    JsonNode value = setting(name + "_token_id");
    boolean isId = value.isInt() || value.isArray() && !value.isEmpty() && value.get(0).isInt();
    if (isId) {
      return value;
    }
    return tokenizerToken(name)
        .<JsonNode>map(Json.MAPPER::valueToTree)
        .orElse(Json.MAPPER.missingNode());
  }

  /** A chat model ends its turns with the tokenizer's end of text, whatever config.json says. */
  private JsonNode withTurnEnd(JsonNode eos) {
    Optional<Integer> end = tokenizerToken("eos");
    boolean isThere =
        end.isEmpty()
            || eos.isInt() && eos.intValue() == end.get()
            || eos.valueStream().anyMatch(id -> id.isInt() && id.intValue() == end.get());
    if (isThere) {
      return eos;
    }
    ArrayNode all = Json.MAPPER.createArrayNode().add(end.get());
    if (eos.isArray()) {
      eos.forEach(all::add);
    } else {
      all.add(eos);
    }
    return all;
  }

  private Optional<Integer> tokenizerToken(String name) {
    JsonNode token =
        folder
            .json("tokenizer_config.json")
            .map(c -> c.json().path(name + "_token"))
            .orElse(Json.MAPPER.missingNode());
    String content =
        token.isObject() ? token.path("content").stringValue("") : token.stringValue("");
    return Optional.ofNullable(vocabulary.get(content));
  }
}
