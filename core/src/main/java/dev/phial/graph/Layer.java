package dev.phial.graph;

import java.util.Optional;

/**
 * One layer.
 *
 * @param feedForwardNorm empty where attention and feed-forward share {@code attentionNorm} and run
 *     side by side
 */
public record Layer(
    Norm attentionNorm,
    Attention attention,
    Optional<Norm> feedForwardNorm,
    FeedForward feedForward) {}
