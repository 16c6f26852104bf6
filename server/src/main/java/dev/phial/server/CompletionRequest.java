package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.generate.Generator;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * {@code POST /v1/completions}.
 *
 * @param echo whether prompts are a part of the answer
 */
record CompletionRequest(List<Prompt> prompts, Continuation how, boolean echo) {
  private static final String PROMPT = "prompt";
  private static final int MOST_ALTERNATIVES = 20;
  private static final int MOST_PROMPTS = 64;

  /** OpenAI's. */
  private static final int USUAL_TOKENS = 16;

  private static final Set<String> NAMES =
      Stream.concat(
              SamplingFields.NAMES.stream(),
              Stream.of(PROMPT, "max_tokens", "logprobs", "echo", "best_of", "suffix"))
          .collect(Collectors.toUnmodifiableSet());

  /**
   * @throws ApiError if it is not understood, or asks for what there is not
   */
  static CompletionRequest read(Fields fields, ServedModel model) {
    fields.allow(NAMES);
    if (fields.text("suffix").filter(suffix -> !suffix.isEmpty()).isPresent()) {
      throw ApiError.unsupported("suffix", "no model here fills in between two texts");
    }
    int choices = SamplingFields.choices(fields);
    if (fields.count("best_of", 1, Integer.MAX_VALUE).orElse(choices) != choices) {
      throw ApiError.unsupported("best_of", "expected the same as n: all that is made is given");
    }
    boolean echo = fields.flag("echo");
    int alternatives = fields.count("logprobs", 0, MOST_ALTERNATIVES).orElse(-1);
    int most = SamplingFields.most(fields, model, List.of("max_tokens"), 0, USUAL_TOKENS);
    Continuation how =
        SamplingFields.read(
            fields, model, most, Optional.empty(), alternatives, echo && alternatives >= 0);
    return new CompletionRequest(prompts(fields, model), how, echo);
  }

  private static List<Prompt> prompts(Fields fields, ServedModel model) {
    JsonNode json =
        fields
            .find(PROMPT)
            .orElseThrow(() -> ApiError.invalid(PROMPT, "expected a prompt, found none"));
    boolean isOne = !json.isArray() || !json.isEmpty() && json.get(0).isNumber();
    List<JsonNode> all = new ArrayList<>();
    (isOne ? List.of(json) : json).forEach(all::add);
    if (all.isEmpty() || all.size() > MOST_PROMPTS) {
      throw ApiError.invalid(
          PROMPT, "expected 1 to %d prompts, found %d".formatted(MOST_PROMPTS, all.size()));
    }
    if (all.size() * SamplingFields.choices(fields) > MOST_PROMPTS) {
      throw ApiError.invalid(
          "n", "expected at most %d texts for all prompts together".formatted(MOST_PROMPTS));
    }
    return all.stream()
        .map(prompt ->
            (prompt.isString() ? prompt(prompt.stringValue(), model) : ids(prompt, model))
                .checked(PROMPT, model.context()))
        .toList();
  }

  private static Prompt prompt(String text, ServedModel model) {
    try {
      int[] plain = model.tokenizer().prompt(text, model.context());
      int[] ids = Generator.prompt(model.tokenizer(), text, model.context());
      return new Prompt(ids, ids.length - plain.length, text);
    } catch (PhialException e) {
      throw ApiError.invalid(PROMPT, model.tell(e));
    }
  }

  private static Prompt ids(JsonNode json, ServedModel model) {
    if (json.size() >= model.context()) {
      throw Prompt.tooLong(PROMPT, model.context(), json.size() + " tokens");
    }
    int[] ids = new int[json.size()];
    for (int i = 0; i < ids.length; i++) {
      JsonNode id = json.get(i);
      if (!id.isIntegralNumber()
          || !id.canConvertToInt()
          || id.intValue() < 0
          || id.intValue() >= model.vocabulary()) {
        throw ApiError.invalid(
            PROMPT,
            "expected texts, or tokens from 0 to %d, the vocabulary"
                .formatted(model.vocabulary() - 1));
      }
      ids[i] = id.intValue();
    }
    return new Prompt(ids, 0, model.tokenizer().decode(ids));
  }
}
