package dev.phial.graph;

/**
 * Grouped-query attention with rotary embedding.
 *
 * @param query {@code [heads * headSize, hidden]}
 * @param key {@code [keyValueHeads * headSize, hidden]}
 * @param value the same
 * @param output {@code [hidden, heads * headSize]}
 * @param scale of the scores
 */
public record Attention(Linear query, Linear key, Linear value, Linear output, double scale) {}
