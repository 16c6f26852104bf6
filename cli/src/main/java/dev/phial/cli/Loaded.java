package dev.phial.cli;

import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Team;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.engine.work.Workers;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import java.util.Optional;

/**
 * A model that is ready to run, as its checkpoint holds it.
 *
 * @param forward serves one thread at a time
 */
record Loaded(Checkpoint checkpoint, Tokenizer tokenizer, Team team, Forward forward)
    implements AutoCloseable {
  /**
   * @param model as the user wrote it
   * @param reading how its weights are read
   * @param workers whose file systems the model may lie in
   * @param observer sees the inputs of all linear layers
   */
  static Loaded open(
      String model,
      ReadingOptions reading,
      Optional<Workers> workers,
      int threads,
      Observer observer) {
    Threads.check(threads);
    Checkpoint checkpoint = ModelArgument.open(model, ModelArgument.Weights.ALL, reading, workers);
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

  int context() {
    return forward.model().hyperparameters().context();
  }

  @Override
  public void close() {
    team.close();
    checkpoint.close();
  }
}
