package dev.phial.server;

import dev.phial.PhialException;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

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
    Continuation how = SamplingFields.read(fields, model, most, alternatives(fields), false);
    return new ChatRequest(prompt(fields, model, tools), how, tools);
  }

  private static void refuse(Fields fields) {
    fields
        .find("response_format")
        .filter(format -> !format.path("type").asString("").equals("text"))
        .ifPresent(_ -> {
          throw ApiError.unsupported(
              "response_format",
              "only the type text can be promised: nothing holds a model to JSON here");
        });
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
      throw ApiError.of(e, "messages");
    }
  }
}
