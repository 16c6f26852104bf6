package dev.phial.quant.activation;

import java.util.Locale;

/** A point of a decoder where its activations can be seen, and rounded. */
public enum ActivationPoint {
  /**
   * What the norm before attention gives, {@code [tokens][hidden]}: the input of the projections,
   * and of the feed-forward layer where it stands beside attention.
   */
  ATTENTION_NORM,

  /** The results of all heads, one after the other: the input of the output projection. */
  ATTENDED,

  /** What the norm before the feed-forward layer gives, {@code [tokens][hidden]}. */
  FEED_FORWARD_NORM,

  /** The input of the last matrix of a feed-forward layer, or of one expert's. */
  FEED_FORWARD_PRODUCT,

  /** What the last norm gives, {@code [tokens][hidden]}: the input of the output matrix. */
  OUTPUT_NORM;

  /** What files call it. */
  public String label() {
    return name().toLowerCase(Locale.ROOT);
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
