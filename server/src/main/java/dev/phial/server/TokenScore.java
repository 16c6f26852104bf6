package dev.phial.server;

import java.util.List;

/**
 * How probable a model found a token.
 *
 * @param text what it adds to the text before it
 * @param logprob natural logarithm of its probability, before anything was done to the logits
 * @param best the most probable tokens in its place, the first one first
 */
record TokenScore(String text, double logprob, List<Alternative> best) {
  /** What OpenAI gives for a token that is as good as impossible. */
  private static final double LEAST = -9999;

  TokenScore {
    logprob = Math.max(LEAST, logprob);
    best = List.copyOf(best);
  }

  /** A token that could have been chosen. */
  record Alternative(String text, double logprob) {
    Alternative {
      logprob = Math.max(LEAST, logprob);
    }
  }
}
