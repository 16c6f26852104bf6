package dev.phial.engine.generate;

/**
 * What a model added to a text.
 *
 * @param ids {@code [tokens]}, without the one that ended it
 * @param promptTokens tokens before it
 * @param computed how many of them had to be computed; the rest was known from the text before
 * @param promptNanos from the beginning until the first token was chosen
 * @param nanos from then to the end
 */
public record Generated(
    String text,
    int[] ids,
    Finish finish,
    int promptTokens,
    int computed,
    long promptNanos,
    long nanos) {

  /** Why there is no more. */
  public enum Finish {
    /** The model said that it is done. */
    END,
    /** A stop string came. */
    STOP,
    /** There are as many tokens as were asked for. */
    LENGTH,
    /** The context is full. */
    CONTEXT,
    /** It was asked to stop. */
    INTERRUPTED
  }

  /** Tokens of the prompt in a second. */
  public double promptSpeed() {
    return computed / (promptNanos / 1e9);
  }

  /** Tokens in a second, the first one aside; 0 if there is no other. */
  public double speed() {
    return ids.length > 1 ? (ids.length - 1) / (nanos / 1e9) : 0;
  }
}
