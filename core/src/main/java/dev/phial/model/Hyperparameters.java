package dev.phial.model;

import java.util.Optional;

/**
 * The numbers that give a decoder its shape.
 *
 * @param feedForward width of one expert or of the only feed-forward layer
 * @param headSize width of a head; all query heads together need not be as wide as the model
 * @param context longest text the checkpoint promises
 * @param originalContext longest text it was trained on before it was stretched
 * @param normEpsilon of LayerNorm or RMSNorm
 * @param ropeTheta base of the rotary frequencies
 * @param ropeDimensions rotated dimensions of a head
 * @param experts 0 without experts
 * @param expertsUsed per token
 * @param routerJitter how near the best expert, relatively, a router of PhiMoE counts others
 * @param tied whether the output matrix is the embedding
 * @param small what only Phi-3-small has
 */
public record Hyperparameters(
    int layers,
    int hidden,
    int feedForward,
    int heads,
    int keyValueHeads,
    int headSize,
    int vocabulary,
    int context,
    int originalContext,
    double normEpsilon,
    double ropeTheta,
    int ropeDimensions,
    Optional<LongRope> longRope,
    Optional<Integer> slidingWindow,
    int experts,
    int expertsUsed,
    double routerJitter,
    boolean tied,
    Optional<Phi3SmallSettings> small) {

  /** For a model with neither experts nor the settings of Phi-3-small. */
  Hyperparameters(
      int layers,
      int hidden,
      int feedForward,
      int heads,
      int keyValueHeads,
      int headSize,
      int vocabulary,
      int context,
      int originalContext,
      double normEpsilon,
      double ropeTheta,
      int ropeDimensions,
      Optional<LongRope> longRope,
      Optional<Integer> slidingWindow,
      boolean tied) {
    this(
        layers,
        hidden,
        feedForward,
        heads,
        keyValueHeads,
        headSize,
        vocabulary,
        context,
        originalContext,
        normEpsilon,
        ropeTheta,
        ropeDimensions,
        longRope,
        slidingWindow,
        0,
        0,
        0,
        tied,
        Optional.empty());
  }

  /**
   * What attention is multiplied by in a stretched context, {@code √(1 + ln(context / original) /
   * ln(original))}; the checkpoint's own {@link LongRope#longScale factor}, if any, is not asked.
   */
  public double attentionFactor() {
    return Rope.attentionFactor((double) context / originalContext, originalContext);
  }

  /** Those of the model with an output matrix of its own. */
  public Hyperparameters untied() {
    return new Hyperparameters(
        layers,
        hidden,
        feedForward,
        heads,
        keyValueHeads,
        headSize,
        vocabulary,
        context,
        originalContext,
        normEpsilon,
        ropeTheta,
        ropeDimensions,
        longRope,
        slidingWindow,
        experts,
        expertsUsed,
        routerJitter,
        false,
        small);
  }

  /** Rows of all query heads together, and columns of the output matrix of attention. */
  public int querySize() {
    return heads * headSize;
  }

  /** Whether the query heads together are as wide as the model: not every runtime takes others. */
  public boolean sharesWidth() {
    return querySize() == hidden;
  }

  /** Rows of all key (or value) heads together. */
  public int keyValueSize() {
    return keyValueHeads * headSize;
  }

  /**
   * Bytes of the key-value cache for {@code tokens} tokens, two bytes a number, as runtimes hold it
   * by default. The window is not counted on, since not every runtime does.
   */
  public long cacheBytes(long tokens) {
    return 2L * layers * keyValueSize() * tokens * Short.BYTES;
  }
}
