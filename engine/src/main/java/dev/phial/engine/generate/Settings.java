package dev.phial.engine.generate;

import dev.phial.engine.sample.Sampling;
import java.util.List;

/**
 * How a text is continued, and how far.
 *
 * @param seed of the first text; the ones after it take the numbers that follow
 * @param stops strings before which a text ends
 * @param most tokens to generate
 * @param context tokens that prompt and continuation may have together
 * @param ignoresEnds whether the tokens that end a text are tokens like any other
 */
public record Settings(
    Sampling sampling, long seed, List<String> stops, int most, int context, boolean ignoresEnds) {
  public Settings {
    stops = List.copyOf(stops);
  }
}
