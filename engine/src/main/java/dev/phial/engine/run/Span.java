package dev.phial.engine.run;

import dev.phial.model.Rotary;

/**
 * Consecutive tokens of one text that go through a model together with those of others.
 *
 * @param cache what holds the keys and values of the tokens before, and takes those of these
 * @param first position of the first token
 * @param rotary for the length that the text will have
 * @param tokens at least one
 * @param wanted of how many tokens, the last ones, the result is wanted
 */
record Span(KvCache cache, int first, Rotary rotary, int[] tokens, int wanted) {
  /** Position after the last token. */
  int end() {
    return first + tokens.length;
  }
}
