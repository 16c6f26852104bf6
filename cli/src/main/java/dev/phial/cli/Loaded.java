package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Team;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;

/**
 * A model that is ready to run, as its checkpoint holds it.
 *
 * @param forward serves one thread at a time
 */
record Loaded(Checkpoint checkpoint, Tokenizer tokenizer, Team team, Forward forward)
    implements AutoCloseable {
  /** Each has its own arrays; more would not fit the heap. */
  private static final int MOST_THREADS = 256;

  /**
   * @param model as the user wrote it
   * @param observer sees the inputs of all linear layers
   */
  static Loaded open(String model, int threads, Observer observer) {
    checkThreads(threads);
    Checkpoint checkpoint = ModelArgument.open(model);
    try {
      Model bound = Model.of(Families.describe(checkpoint));
      Tokenizer tokenizer = Tokenizer.of(checkpoint);
      Team team = new Team(threads);
      return new Loaded(checkpoint, tokenizer, team, new Forward(bound, team, observer));
    } catch (Throwable e) {
      checkpoint.close();
      throw e;
    }
  }

  static int defaultThreads() {
    return Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
  }

  static void checkThreads(int threads) {
    if (threads < 1 || threads > MOST_THREADS) {
      throw new PhialException.Usage(
          "--threads: expected 1 to %d, found %d".formatted(MOST_THREADS, threads));
    }
  }

  int context() {
    return forward.model().hyperparameters().context();
  }

  @Override
  public void close() {
    team.close();
    checkpoint.close();
  }
}
