package dev.phial.quant.activation;

import java.util.Arrays;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;

/** A point of a decoder where its activations can be seen, and rounded. */
public enum ActivationPoint {
  /** Cosines and sines that queries are multiplied with, and the scale of the scores with them. */
  QUERY_ROTATION,

  /** Cosines and sines that keys are multiplied with. */
  KEY_ROTATION,

  /**
   * What the norm before attention gives, {@code [tokens][hidden]}: the input of the projections,
   * and of the feed-forward layer where it stands beside attention.
   */
  ATTENTION_NORM,

  /** Projections, with their biases. */
  QUERY,
  KEY,
  VALUE,

  /** The two products whose sum is a rotated and scaled query. */
  QUERY_COSINE,
  QUERY_SINE,
  ROTATED_QUERY,

  /** The two products whose sum is a rotated key. */
  KEY_COSINE,
  KEY_SINE,
  ROTATED_KEY,

  /** A rotated key as the cache holds it. */
  CACHED_KEY,

  /** A value as the cache holds it. */
  CACHED_VALUE,

  /** Products of scaled queries and cached keys. */
  SCORES,

  /** Scores, those of what a token may not see made small. */
  MASKED_SCORES,

  /** What the softmax of the scores gives. */
  PROBABILITIES,

  /** The results of all heads, one after the other: the input of the output projection. */
  ATTENDED,

  /** What attention adds to the residual stream. */
  ATTENTION_OUTPUT,

  /** The residual stream after attention. */
  ATTENTION_SUM,

  /** What the norm before the feed-forward layer gives, {@code [tokens][hidden]}. */
  FEED_FORWARD_NORM,

  /** Projections of a gated feed-forward layer. */
  GATE,
  UP,

  /** The sigmoid of the gate, and its product with the gate. */
  GATE_SIGMOID,
  ACTIVATED_GATE,

  /** The input of the last matrix of a feed-forward layer, or of one expert's. */
  FEED_FORWARD_PRODUCT,

  /** What the feed-forward layer adds to the residual stream. */
  FEED_FORWARD_OUTPUT,

  /** The residual stream after a layer. */
  LAYER_OUTPUT,

  /** What the last norm gives, {@code [tokens][hidden]}: the input of the output matrix. */
  OUTPUT_NORM,

  LOGITS;

  /** The inputs of all matrices, which are what most targets round. */
  public static final Set<ActivationPoint> OF_MATRICES =
      Collections.unmodifiableSet(
          EnumSet.of(
              ATTENTION_NORM, ATTENDED, FEED_FORWARD_NORM, FEED_FORWARD_PRODUCT, OUTPUT_NORM));

  /** Every step. */
  public static final Set<ActivationPoint> ALL =
      Collections.unmodifiableSet(EnumSet.allOf(ActivationPoint.class));

  /** Whether there are as many numbers for every token, each with a meaning of its own. */
  public boolean hasChannels() {
    return OF_MATRICES.contains(this);
  }

  /** What files call it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
  }

  /** The point that files call so. */
  public static Optional<ActivationPoint> labelled(String label) {
    return Arrays.stream(values()).filter(point -> point.label().equals(label)).findFirst();
  }

  /** The point in a layer. */
  public ActivationPlace in(int layer) {
    return new ActivationPlace(this, layer);
  }

  /** The point where there is but one in a decoder. */
  public ActivationPlace once() {
    return new ActivationPlace(this, -1);
  }
}
