package dev.phial.server;

import dev.phial.engine.sample.Sampling;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * How a text is to be continued.
 *
 * @param seed of the first of several continuations; the others take the numbers that follow
 * @param stops strings before which it ends
 * @param most tokens to generate
 * @param ignoresEnds whether the tokens that end a text are tokens like any other
 * @param presence is taken from the logits of tokens that were generated before
 * @param frequency is taken from them each time they were
 * @param bias is added to the logits of tokens
 * @param json what the text is to be, if it is to be JSON
 * @param alternatives of how many tokens probabilities are told beside the one that is chosen; -1
 *     if none are told at all
 * @param scoresPrompt whether they are told of the prompt's tokens too
 */
record Continuation(
    Sampling sampling,
    long seed,
    List<String> stops,
    int most,
    boolean ignoresEnds,
    double presence,
    double frequency,
    Map<Integer, Float> bias,
    Optional<Schema> json,
    int alternatives,
    boolean scoresPrompt) {
  Continuation {
    stops = List.copyOf(stops);
    bias = Map.copyOf(bias);
  }

  /** Whether logits are changed before a token is chosen. */
  boolean adjusts() {
    return presence != 0 || frequency != 0 || !bias.isEmpty();
  }

  boolean tellsScores() {
    return alternatives >= 0;
  }
}
