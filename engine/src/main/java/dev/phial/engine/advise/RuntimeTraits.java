package dev.phial.engine.advise;

import java.util.List;

/**
 * What is known of the program that loads a target's files, wherever it runs.
 *
 * @param fixedBytes that it takes whatever the model
 * @param tokensAtOnce of a prompt, for each of which it holds logits
 * @param usual precisions that are recommended, the most bits first
 * @param enough the one of them below which more is lost than speed is worth
 * @param source of the two numbers
 */
public record RuntimeTraits(
    String name,
    long fixedBytes,
    int tokensAtOnce,
    List<String> usual,
    String enough,
    String source) {
  public RuntimeTraits {
    usual = List.copyOf(usual);
  }

  /** Bytes it takes for itself: a fixed part, and logits in single precision. */
  long ownBytes(int vocabulary) {
    return fixedBytes + (long) tokensAtOnce * vocabulary * Float.BYTES;
  }
}
