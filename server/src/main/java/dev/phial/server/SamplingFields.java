package dev.phial.server;

import dev.phial.engine.sample.Sampling;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ThreadLocalRandom;
import tools.jackson.databind.JsonNode;

/**
 * What chats and completions say alike about how a text is continued. Beside OpenAI's fields there
 * are {@code top_k}, {@code min_p}, {@code repetition_penalty} and {@code ignore_eos}, which vLLM
 * has too.
 */
final class SamplingFields {
  static final Set<String> NAMES =
      Set.of(
          "temperature",
          "top_p",
          "top_k",
          "min_p",
          "repetition_penalty",
          "presence_penalty",
          "frequency_penalty",
          "logit_bias",
          "ignore_eos",
          "seed",
          "stop",
          "n",
          "stream",
          "stream_options",
          "model",
          "user");

  private static final int MOST_CHOICES = 16;
  private static final int MOST_STOPS = 4;
  private static final int LONGEST_STOP = 500;
  private static final int MOST_BIASES = 1024;

  /** In place of 0, which leaves the most probable token. */
  private static final double LEAST_TOP_P = 1e-12;

  private SamplingFields() {}

  static int choices(Fields fields) {
    return fields.count("n", 1, MOST_CHOICES).orElse(1);
  }

  /** Whether the last event of a stream tells of tokens. */
  static boolean wantsUsage(Fields fields) {
    Optional<JsonNode> options = fields.find("stream_options");
    if (options.isPresent() && !fields.flag("stream")) {
      throw ApiError.invalid(
          "stream_options", "The 'stream_options' parameter is only allowed when 'stream' is true");
    }
    return options.map(node -> node.path("include_usage").asBoolean(false)).orElse(false);
  }

  static Continuation read(
      Fields fields,
      ServedModel model,
      int most,
      Optional<Schema> json,
      int alternatives,
      boolean scoresPrompt) {
    return new Continuation(
        sampling(fields, model.sampling()),
        fields
            .whole("seed", Long.MIN_VALUE, Long.MAX_VALUE)
            .orElseGet(() -> ThreadLocalRandom.current().nextLong()),
        fields.texts("stop", MOST_STOPS, LONGEST_STOP),
        most,
        fields.flag("ignore_eos"),
        fields.number("presence_penalty", -2, 2).orElse(0.0),
        fields.number("frequency_penalty", -2, 2).orElse(0.0),
        bias(fields, model.vocabulary()),
        json,
        alternatives,
        scoresPrompt);
  }

  /** What the checkpoint recommends, as far as the request says nothing else. */
  private static Sampling sampling(Fields fields, Sampling recommended) {
    Optional<Integer> topK = fields.count("top_k", -1, Integer.MAX_VALUE);
    Optional<Double> topP = fields.number("top_p", 0, 1);
    Optional<Double> minP = fields.number("min_p", 0, 1);
    boolean chooses = topK.isPresent() || topP.isPresent() || minP.isPresent();
    return new Sampling(
        fields
            .number("temperature", 0, 2)
            .orElse(recommended.isGreedy() && chooses ? 1.0 : recommended.temperature()),
        Math.max(0, topK.orElse(recommended.topK())),
        Math.max(LEAST_TOP_P, topP.orElse(recommended.topP())),
        minP.orElse(recommended.minP()),
        fields.number("repetition_penalty", 0.01, 100).orElse(recommended.repetitionPenalty()));
  }

  private static Map<Integer, Float> bias(Fields fields, int vocabulary) {
    Map<Integer, Float> bias = new HashMap<>();
    fields
        .find("logit_bias")
        .ifPresent(node -> {
          if (!node.isObject() || node.size() > MOST_BIASES) {
            throw Fields.wrong(
                "logit_bias", "an object of at most %d tokens".formatted(MOST_BIASES), node);
          }
          node.properties()
              .forEach(entry -> {
                JsonNode value = entry.getValue();
                double number = value.isNumber() ? value.doubleValue() : Double.NaN;
                if (!entry.getKey().matches("\\d{1,9}")
                    || Integer.parseInt(entry.getKey()) >= vocabulary
                    || !(Math.abs(number) <= 100)) {
                  throw Fields.wrong(
                      "logit_bias",
                      "tokens below %d, the vocabulary, with numbers from -100 to 100"
                          .formatted(vocabulary),
                      node);
                }
                bias.put(Integer.parseInt(entry.getKey()), (float) number);
              });
        });
    return bias;
  }

  /**
   * Tokens to generate.
   *
   * @param names of the field, the one that counts first
   * @param least that may be wanted
   * @param usual where the request does not say
   */
  static int most(Fields fields, ServedModel model, List<String> names, int least, int usual) {
    for (String name : names) {
      Optional<Long> wanted = fields.whole(name, least, Integer.MAX_VALUE);
      if (wanted.isPresent()) {
        if (wanted.get() > model.most()) {
          throw ApiError.invalid(
              name,
              "%s is too large: %d. This server gives at most %d tokens of this model"
                  .formatted(name, wanted.get(), model.most()));
        }
        return wanted.get().intValue();
      }
    }
    return Math.min(model.most(), usual);
  }
}
