package dev.phial.source;

import java.util.List;
import java.util.Set;

/**
 * Tells a Phi-3, 3.5 or 4 that was rewritten as a Llama or Mistral from every other Llama: it has
 * the sizes of a published Phi, or the tokens of its conversations.
 *
 * @param hidden width
 * @param feedForward width in between
 */
record PhiLikeness(int hidden, int layers, int heads, int keyValueHeads, int feedForward) {
  private static final Set<PhiLikeness> PUBLISHED =
      Set.of(
          new PhiLikeness(3072, 32, 32, 32, 8192), // Phi-3-mini, 3.5-mini
          new PhiLikeness(3072, 32, 24, 8, 8192), // Phi-4-mini
          new PhiLikeness(5120, 40, 40, 10, 17920)); // Phi-3-medium, Phi-4

  /** Of Phi-3 to Phi-4-mini, and of Phi-4; any of these lists is enough. */
  private static final List<List<String>> TOKENS =
      List.of(List.of("<|user|>", "<|assistant|>", "<|end|>"), List.of("<|im_sep|>"));

  boolean isPhi(Set<String> tokens) {
    return PUBLISHED.contains(this) || TOKENS.stream().anyMatch(tokens::containsAll);
  }

  /** What a refusal says was expected. */
  static final String EXPECTED =
      "expected a Phi model, found a %s with neither the sizes of a Phi-3 or Phi-4 nor the tokens of their conversations (<|end|>, <|im_sep|>); other models are not converted";
}
