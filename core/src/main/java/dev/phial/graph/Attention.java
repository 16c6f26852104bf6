package dev.phial.graph;

import dev.phial.model.BlockAttention;
import java.util.Optional;

/**
 * Grouped-query attention with rotary embedding.
 *
 * @param query {@code [heads * headSize, hidden]}
 * @param key {@code [keyValueHeads * headSize, hidden]}
 * @param value the same
 * @param output {@code [hidden, heads * headSize]}
 * @param scale of the scores
 * @param blocks which blocks of tokens a head attends to, unless it attends to all
 */
public record Attention(
    Linear query,
    Linear key,
    Linear value,
    Linear output,
    double scale,
    Optional<BlockAttention> blocks) {}
