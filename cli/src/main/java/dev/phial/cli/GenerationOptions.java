package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.generate.Settings;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.sample.Sampling;
import dev.phial.source.Checkpoint;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Random;
import picocli.CommandLine.Option;

/** How a text is continued: the options that run and chat share, by llama.cpp's names. */
final class GenerationOptions {
  @Option(
      names = {"-n", "--max-tokens"},
      paramLabel = "N",
      description =
          "Tokens to generate at most; -1, which is the default, for as many as the model wants and"
              + " the context holds.")
  private int most = -1;

  @Option(
      names = {"--temperature", "--temp"},
      paramLabel = "T",
      description = "Divides the logits; 0 always takes the most probable token.")
  private Optional<Double> temperature = Optional.empty();

  @Option(
      names = "--top-k",
      paramLabel = "K",
      description = "Choose among the K most probable tokens; 0 for all.")
  private Optional<Integer> topK = Optional.empty();

  @Option(
      names = "--top-p",
      paramLabel = "P",
      description = "Choose among the most probable tokens that together reach the probability P.")
  private Optional<Double> topP = Optional.empty();

  @Option(
      names = "--min-p",
      paramLabel = "P",
      description = "Choose among tokens at least P times as probable as the most probable one.")
  private Optional<Double> minP = Optional.empty();

  @Option(
      names = {"--repetition-penalty", "--repeat-penalty"},
      paramLabel = "F",
      description = "Above 1, tokens that are there already become less probable.")
  private Optional<Double> penalty = Optional.empty();

  @Option(
      names = {"-s", "--seed"},
      paramLabel = "N",
      description = "Makes the choice the same each time; random by default.")
  private Optional<Long> seed = Optional.empty();

  @Option(
      names = "--stop",
      paramLabel = "TEXT",
      description = "End before this text; may be given several times.")
  private List<String> stops = new ArrayList<>();

  @Option(names = "--ignore-eos", description = "Go on when the model says that it is done.")
  private boolean ignoresEnds;

  @Option(
      names = {"-c", "--context"},
      paramLabel = "N",
      description =
          "Tokens that prompt and continuation may have together; by default what the model was"
              + " trained for.")
  private Optional<Integer> context = Optional.empty();

  @Option(
      names = "--cache-type",
      paramLabel = "TYPE",
      description = "How keys and values are kept: f16, the default, or f32.")
  private String cache = "f16";

  @Option(
      names = {"-t", "--threads"},
      paramLabel = "N",
      description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  int threads() {
    return threads;
  }

  /** Tokens to generate, where the user gave a limit. */
  OptionalInt most() {
    return most < 0 ? OptionalInt.empty() : OptionalInt.of(most);
  }

  /**
   * @param longest the model's context
   * @throws PhialException.Usage if a value makes no sense
   */
  Settings settings(Checkpoint checkpoint, int longest) {
    if (most < -1 || most == 0) {
      throw new PhialException.Usage(
          "--max-tokens: expected a number above 0, or -1, found %d".formatted(most));
    }
    return new Settings(
        sampling(Sampling.of(checkpoint)),
        seed.orElseGet(() -> (long) new Random().nextInt(Integer.MAX_VALUE)),
        stops,
        most().orElse(Integer.MAX_VALUE),
        context.orElse(longest),
        ignoresEnds);
  }

  /** What a checkpoint recommends, as far as the user says nothing else. */
  private Sampling sampling(Sampling recommended) {
    boolean chooses = topK.isPresent() || topP.isPresent() || minP.isPresent();
    return new Sampling(
        temperature.orElse(recommended.isGreedy() && chooses ? 1.0 : recommended.temperature()),
        topK.orElse(recommended.topK()),
        topP.orElse(recommended.topP()),
        minP.orElse(recommended.minP()),
        penalty.orElse(recommended.repetitionPenalty()));
  }

  CacheType cache() {
    for (CacheType type : CacheType.values()) {
      if (type.name().equalsIgnoreCase(cache)) {
        return type;
      }
    }
    throw new PhialException.Usage("--cache-type: expected f16 or f32, found " + cache);
  }
}
