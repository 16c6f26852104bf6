package dev.phial.graph;

import dev.phial.model.Weight;

/** What stands beside attention in a layer. */
public sealed interface FeedForward {
  /** {@code down(silu(gate x) * up x)}. */
  record Gated(Linear gate, Linear up, Linear down) implements FeedForward {}

  /**
   * {@code down(quickGelu(g) * (u + 1))} with {@code g}, at most the limit, from the even rows of
   * {@code gateUp x} and {@code u}, within it, from the odd ones.
   */
  record Gegelu(Linear gateUp, Linear down, double limit) implements FeedForward {}

  /** {@code down(gelu(up x))}, gelu by its tanh approximation. */
  record Plain(Linear up, Linear down) implements FeedForward {}

  /**
   * A router picks experts with {@link Gated} feed-forwards, SparseMixer's way.
   *
   * @param router {@code [experts, hidden]}
   * @param gate {@code [experts, feedForward, hidden]}
   * @param up the same
   * @param down {@code [experts, hidden, feedForward]}
   * @param used experts per token
   * @param jitter scores further from the best than twice this share of themselves do not count
   */
  record Experts(Linear router, Weight gate, Weight up, Weight down, int used, double jitter)
      implements FeedForward {}
}
