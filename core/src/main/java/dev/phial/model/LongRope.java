package dev.phial.model;

import java.util.List;
import java.util.Optional;

/**
 * LongRoPE: every rotary frequency is divided by a factor of its own, from one list for short and
 * another for long texts.
 *
 * @param shortFactors {@code [rotary dimensions / 2]}
 * @param longFactors {@code [rotary dimensions / 2]}
 * @param shortScale the factor on queries and keys that the checkpoint gives itself (PhiMoE and
 *     GGUF files); otherwise it follows from the contexts
 * @param longScale the same for long texts
 */
public record LongRope(
    List<Double> shortFactors,
    List<Double> longFactors,
    Optional<Double> shortScale,
    Optional<Double> longScale) {
  public LongRope {
    shortFactors = List.copyOf(shortFactors);
    longFactors = List.copyOf(longFactors);
  }
}
