package dev.phial.model;

import java.util.List;
import java.util.Optional;

/**
 * The numbers that give a decoder its shape.
 *
 * @param feedForward width of one expert or of the only feed-forward layer
 * @param context longest text the checkpoint promises
 * @param normEpsilon of LayerNorm or RMSNorm
 * @param tied whether the output matrix is the embedding
 * @param gegeluLimit bound of the inputs of GEGELU, where the feed-forward layer has it
 * @param maskedTokens those that are never predicted, where a model has a mask for them
 */
public record Hyperparameters(
    int layers,
    int hidden,
    int feedForward,
    int vocabulary,
    int context,
    double normEpsilon,
    boolean tied,
    Attention attention,
    Rope rope,
    Experts experts,
    Multipliers multipliers,
    Optional<Double> gegeluLimit,
    Optional<List<Integer>> maskedTokens) {

  /**
   * Heads and what they see.
   *
   * @param heads of queries
   * @param headSize width of a head; all query heads together need not be as wide as the model
   * @param scale products of queries and keys are multiplied by it
   * @param slidingWindow a token sees so many tokens, itself included
   * @param interleaved whether the rows of the fused projection are key-value head by key-value
   *     head, each with its queries before it, rather than all queries, all keys, all values
   * @param blocks which blocks of tokens a head attends to, unless it attends to all
   */
  public record Attention(
      int heads,
      int keyValueHeads,
      int headSize,
      double scale,
      Optional<Integer> slidingWindow,
      boolean interleaved,
      Optional<BlockAttention> blocks) {

    /** Attention to every token of the window. */
    static Attention dense(
        int heads, int keyValueHeads, int headSize, Optional<Integer> slidingWindow) {
      return new Attention(
          heads,
          keyValueHeads,
          headSize,
          1 / Math.sqrt(headSize),
          slidingWindow,
          false,
          Optional.empty());
    }

    /** Rows of all query heads together, and columns of the output matrix of attention. */
    public int querySize() {
      return heads * headSize;
    }

    /** Rows of all key (or value) heads together. */
    public int keyValueSize() {
      return keyValueHeads * headSize;
    }
  }

  /**
   * A mixture of experts.
   *
   * @param count 0 without experts
   * @param used per token
   * @param routerJitter how near the best expert, relatively, a router of PhiMoE counts others
   */
  public record Experts(int count, int used, double routerJitter) {
    static final Experts NONE = new Experts(0, 0, 0);
  }

  /**
   * What muP multiplies by.
   *
   * @param embedding on embeddings
   * @param logits on logits
   */
  public record Multipliers(double embedding, double logits) {
    static final Multipliers NONE = new Multipliers(1, 1);
  }

  public Hyperparameters {
    maskedTokens = maskedTokens.map(List::copyOf);
  }

  /** For a model that has nothing which only Phi-3-small has. */
  Hyperparameters(
      int layers,
      int hidden,
      int feedForward,
      int vocabulary,
      int context,
      double normEpsilon,
      boolean tied,
      Attention attention,
      Rope rope,
      Experts experts) {
    this(
        layers,
        hidden,
        feedForward,
        vocabulary,
        context,
        normEpsilon,
        tied,
        attention,
        rope,
        experts,
        Multipliers.NONE,
        Optional.empty(),
        Optional.empty());
  }

  /**
   * What attention is multiplied by in a stretched context, {@code √(1 + ln(context / original) /
   * ln(original))}; the checkpoint's own {@link LongRope#longScale factor}, if any, is not asked.
   */
  public double attentionFactor() {
    return Rope.attentionFactor((double) context / rope.originalContext(), rope.originalContext());
  }

  /** Those of the model with an output matrix of its own. */
  public Hyperparameters untied() {
    return new Hyperparameters(
        layers,
        hidden,
        feedForward,
        vocabulary,
        context,
        normEpsilon,
        false,
        attention,
        rope,
        experts,
        multipliers,
        gegeluLimit,
        maskedTokens);
  }

  /** Whether the query heads together are as wide as the model: not every runtime takes others. */
  public boolean sharesWidth() {
    return attention.querySize() == hidden;
  }

  /**
   * Bytes of the key-value cache for {@code tokens} tokens, two bytes a number, as runtimes hold it
   * by default. The window is not counted on, since not every runtime does.
   */
  public long cacheBytes(long tokens) {
    return 2L * layers * attention.keyValueSize() * tokens * Short.BYTES;
  }
}
