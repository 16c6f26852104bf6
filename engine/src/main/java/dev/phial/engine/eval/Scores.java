package dev.phial.engine.eval;

import java.io.Serializable;
import java.util.List;

/** What one model said of some chunks, token by token. */
public final class Scores implements Serializable {
  static final Scores NONE = new Scores(0, List.of(), 0, 0);

  private final double[] surprises;
  private final double[] divergences; // from the reference
  private final boolean[] sameTops; // as the reference's
  private final double[][] layers;
  private final long tokens;
  private final long nanos;
  private int count;

  /**
   * @param scored tokens that will be added
   * @param layers squares and errors of the hidden states, as {@link HiddenStates#errors} has them
   * @param tokens read
   * @param nanos that the layers took for them
   */
  Scores(int scored, List<double[]> layers, long tokens, long nanos) {
    this.surprises = new double[scored];
    this.divergences = new double[scored];
    this.sameTops = new boolean[scored];
    this.layers = layers.toArray(double[][]::new);
    this.tokens = tokens;
    this.nanos = nanos;
  }

  /** Adds a token that was predicted. */
  void add(double surprise, double divergence, boolean isSameTop) {
    surprises[count] = surprise;
    divergences[count] = divergence;
    sameTops[count++] = isSameTop;
  }

  /** Adds all tokens to sums, one after the other. */
  void addTo(Perplexity.Sum perplexity, Divergence.Sum divergence, Scores reference) {
    for (int i = 0; i < count; i++) {
      perplexity.add(surprises[i]);
      divergence.add(divergences[i], sameTops[i], reference.surprises[i], surprises[i]);
    }
  }

  double[][] layers() {
    return layers;
  }

  long tokens() {
    return tokens;
  }

  long nanos() {
    return nanos;
  }
}
