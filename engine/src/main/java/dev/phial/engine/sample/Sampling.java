package dev.phial.engine.sample;

import dev.phial.PhialException;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import java.util.Locale;
import java.util.Optional;

/**
 * How the next token is chosen. Steps apply in the order of transformers: repetition penalty,
 * temperature, top-k, top-p, min-p.
 *
 * @param temperature logits are divided by it; 0 always takes the most probable token
 * @param topK only so many of the most probable tokens count; 0 for all
 * @param topP only the most probable tokens count that together reach this probability
 * @param minP only tokens count that are at least this times as probable as the most probable one
 * @param repetitionPenalty makes tokens less probable that are already there, if above 1
 */
public record Sampling(
    double temperature, int topK, double topP, double minP, double repetitionPenalty) {
  public static final Sampling GREEDY = new Sampling(0, 0, 1, 0, 1);

  /** What transformers takes where a checkpoint that wants sampling says no more. */
  private static final Sampling USUAL = new Sampling(1, 50, 1, 0, 1);

  /**
   * @throws PhialException.Usage if a value makes no sense
   */
  public Sampling {
    check("temperature", temperature >= 0 && temperature <= 100, "from 0 to 100", temperature);
    check("top-k", topK >= 0, "of at least 0", topK);
    check("top-p", topP > 0 && topP <= 1, "above 0 and at most 1", topP);
    check("min-p", minP >= 0 && minP <= 1, "from 0 to 1", minP);
    check(
        "repetition-penalty",
        repetitionPenalty > 0 && repetitionPenalty <= 100,
        "above 0 and at most 100",
        repetitionPenalty);
  }

  private static void check(String name, boolean holds, String expected, double found) {
    if (!holds) { // also where the value is not a number
      String number =
          found == Math.rint(found) && Math.abs(found) < 1e15
              ? "%d".formatted((long) found)
              : Double.toString(found);
      throw new PhialException.Usage(
          "--%s: expected a number %s, found %s".formatted(name, expected, number));
    }
  }

  public boolean isGreedy() {
    return temperature == 0 || topK == 1;
  }

  /**
   * What a checkpoint recommends: generation_config.json, or the {@code general.sampling} keys of a
   * GGUF file. Without a word of sampling, the most probable token is taken.
   *
   * @throws PhialException.BadInput if it recommends what makes no sense
   */
  public static Sampling of(Checkpoint checkpoint) {
    try {
      return checkpoint
          .folder()
          .flatMap(folder -> folder.json("generation_config.json"))
          .map(Sampling::of)
          .or(() -> checkpoint.gguf().map(Sampling::of))
          .orElse(GREEDY);
    } catch (PhialException.Usage e) {
      throw new PhialException.BadInput(
          "%s recommends senseless sampling: %s"
              .formatted(checkpoint.path(), e.getMessage().replaceFirst("^--", "")),
          e);
    }
  }

  private static Sampling of(Config config) {
    return config.flag("do_sample", false)
        ? new Sampling(
            config.number("temperature", USUAL.temperature),
            (int) config.number("top_k", USUAL.topK),
            config.number("top_p", USUAL.topP),
            config.number("min_p", USUAL.minP),
            config.number("repetition_penalty", USUAL.repetitionPenalty))
        : GREEDY;
  }

  private static Sampling of(Gguf gguf) {
    Optional<Double> temperature = number(gguf, "temp");
    Optional<Double> topK = number(gguf, "top_k");
    Optional<Double> topP = number(gguf, "top_p");
    Optional<Double> minP = number(gguf, "min_p");
    Optional<Double> penalty = number(gguf, "penalty_repeat");
    if (temperature.isEmpty() && topK.isEmpty() && topP.isEmpty() && minP.isEmpty()) {
      return GREEDY;
    }
    return new Sampling(
        temperature.orElse(USUAL.temperature),
        topK.orElse((double) USUAL.topK).intValue(),
        topP.orElse(USUAL.topP),
        minP.orElse(USUAL.minP),
        penalty.orElse(USUAL.repetitionPenalty));
  }

  private static Optional<Double> number(Gguf gguf, String name) {
    return switch (gguf.metadata().get("general.sampling." + name)) {
      case GgufValue.Whole whole -> Optional.of((double) whole.value());
      // as it was written: 0.8 as a float is not 0.8
      case GgufValue.Real real -> Optional.of(Double.parseDouble(real.toString()));
      case null, default -> Optional.empty();
    };
  }

  @Override
  public String toString() {
    return isGreedy()
        ? "greedy"
        : String.format(
            Locale.ROOT,
            "temperature %s, top-k %d, top-p %s, min-p %s, repetition penalty %s",
            temperature,
            topK,
            topP,
            minP,
            repetitionPenalty);
  }
}
