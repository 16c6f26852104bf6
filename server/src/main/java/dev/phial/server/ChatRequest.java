package dev.phial.server;

import dev.phial.PhialException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * {@code POST /v1/chat/completions}.
 *
 * @param prompt the conversation, in the words of the model's template
 * @param tools what the model may call
 */
record ChatRequest(Prompt prompt, Continuation how, Optional<Tools> tools) {
  private static final int MOST_ALTERNATIVES = 20;

  private static final Set<String> NAMES =
      Stream.concat(
              SamplingFields.NAMES.stream(),
              Stream.of(
                  "messages",
                  "max_tokens",
                  "max_completion_tokens",
                  "logprobs",
                  "top_logprobs",
                  "tools",
                  "tool_choice",
                  "response_format",
                  "modalities",
                  "store",
                  // without effect here
                  "metadata",
                  "parallel_tool_calls",
                  "prompt_cache_key",
                  "safety_identifier",
                  "service_tier"))
          .collect(Collectors.toUnmodifiableSet());

  /**
   * @throws ApiError if it is not understood, or asks for what cannot be promised
   */
  static ChatRequest read(Fields fields, ServedModel model) {
    fields.allow(NAMES);
    refuse(fields);
    if (model.template().isEmpty()) {
      throw ApiError.invalid(
          "model",
          "%s has no chat template: it continues texts; use /v1/completions".formatted(model.id()));
    }
    Optional<Tools> tools = Tools.read(fields, model);
    int most =
        SamplingFields.most(
            fields, model, List.of("max_completion_tokens", "max_tokens"), 1, model.context());
    Optional<Schema> json = json(fields);
    if (json.isPresent() && tools.isPresent()) {
      throw ApiError.unsupported("response_format", "expected tools or JSON, found both");
    }
    Continuation how = SamplingFields.read(fields, model, most, json, alternatives(fields), false);
    return new ChatRequest(prompt(fields, model, tools), how, tools);
  }

  private static void refuse(Fields fields) {
    fields
        .find("modalities")
        .filter(node -> !node.toString().equals("[\"text\"]"))
        .ifPresent(_ -> {
          throw ApiError.unsupported("modalities", "only text can be generated");
        });
    if (fields.flag("store")) {
      throw ApiError.unsupported("store", "nothing is stored here");
    }
  }

  /** What the answer is to be, if it is to be JSON. */
  private static Optional<Schema> json(Fields fields) {
    Optional<JsonNode> format = fields.find("response_format");
    return switch (format.map(json -> json.path("type").asString("")).orElse("text")) {
      case "text" -> Optional.empty();
      case "json_object" -> Optional.of(Schema.OBJECT);
      case "json_schema" ->
          Optional.of(Schema.of(format.orElseThrow().path("json_schema").path("schema")));
      default ->
          throw ApiError.invalid(
              "response_format", "expected the type text, json_object or json_schema");
    };
  }

  private static int alternatives(Fields fields) {
    Optional<Integer> best = fields.count("top_logprobs", 0, MOST_ALTERNATIVES);
    boolean wanted = fields.flag("logprobs");
    if (best.isPresent() && !wanted) {
      throw ApiError.invalid("top_logprobs", "'top_logprobs' needs 'logprobs' to be true");
    }
    return wanted ? best.orElse(0) : -1;
  }

  private static Prompt prompt(Fields fields, ServedModel model, Optional<Tools> tools) {
    List<Map<String, String>> messages = Messages.read(fields, tools);
    try {
      String text =
          model
              .template()
              .orElseThrow()
              .render(messages, model.tokenizer().special().names(), true);
      return new Prompt(model.tokenizer().prompt(text, model.context()), 0, "")
          .checked("messages", model.context());
    } catch (PhialException e) {
      throw ApiError.invalid("messages", model.tell(e));
    }
  }
}
