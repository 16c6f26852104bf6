package dev.phial.engine.run;

import java.util.List;

/**
 * One layer of a decoder.
 *
 * @param parallel whether attention and feed-forward both start from the first norm, as in Phi-2;
 *     otherwise the second starts from the result of the first, through {@code feedForwardNorm}
 * @param projections to queries, keys and values, in one matrix or three, whose rows come one after
 *     the other
 */
record Block(
    boolean parallel,
    Norm attentionNorm,
    List<Linear> projections,
    Attention attention,
    Linear attentionOutput,
    Norm feedForwardNorm,
    FeedForward feedForward) {}
