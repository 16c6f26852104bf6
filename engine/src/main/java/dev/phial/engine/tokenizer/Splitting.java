package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import dev.phial.source.SplitRules;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import tools.jackson.databind.JsonNode;

/**
 * How byte-pair tokenizers split text into words, by the names llama.cpp gives it ({@code
 * llama-vocab.cpp}); the expressions are those of the tokenizers that the names stand for.
 */
final class Splitting {
  /** What llama.cpp does with files that do not say. */
  private static final List<String> DEFAULT =
      List.of(
          "[\\p{P}\\$\\+<=>\\^~\\|]+",
          "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|\\s+(?!\\S)",
          "\\p{N}+",
          "[0-9][0-9][0-9]");

  private static final Map<String, JsonNode> BY_NAME =
      Map.of(
          "gpt-2", Steps.byteLevel(true),
          "phi-2", Steps.byteLevel(true),
          "dbrx", Steps.splits(List.of(SplitRules.CL100K)),
          "smaug-bpe", Steps.splits(List.of(SplitRules.CL100K)),
          "llama-bpe", Steps.splits(List.of(SplitRules.CL100K)),
          "gpt-4o", Steps.splits(List.of(SplitRules.O200K)),
          "default", Steps.splits(DEFAULT));

  private Splitting() {}

  /**
   * @throws PhialException.Unsupported if no Phi tokenizer is split that way
   */
  static JsonNode named(Path file, String name) {
    JsonNode step = BY_NAME.get(name);
    if (step == null) {
      throw new PhialException.Unsupported(
          "%s: expected tokenizer.ggml.pre to be one of %s, found %s"
              .formatted(file, new TreeSet<>(BY_NAME.keySet()), name));
    }
    return step;
  }
}
