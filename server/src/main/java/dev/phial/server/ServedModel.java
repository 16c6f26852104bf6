package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Team;
import dev.phial.engine.sample.Sampling;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.Sizes;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.source.Checkpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A model that answers requests.
 *
 * @param id what clients call it
 * @param path where it lies, which clients need not know
 * @param context tokens that prompt and continuation may have together
 * @param most tokens to generate for a text
 * @param sampling what the checkpoint recommends
 * @param cacheBytes that keys and values may take
 */
record ServedModel(
    String id,
    Path path,
    Tokenizer tokenizer,
    Optional<ChatTemplate> template,
    Sampling sampling,
    int vocabulary,
    int context,
    int most,
    long cacheBytes,
    Scheduler scheduler)
    implements AutoCloseable {
  /** Tokens for which there must be memory at least. */
  private static final int LEAST = 256;

  /** Bytes of a checkpoint's weights. */
  static long bytes(Checkpoint checkpoint) {
    return Families.describe(checkpoint).weights().stream().mapToLong(Weight::bytes).sum();
  }

  /**
   * @param memory bytes for keys and values, at most
   * @param turn held during a pass: models share the team
   * @throws PhialException.Usage if the wanted context is longer than the model's
   * @throws PhialException.Unsupported if it does not fit the memory
   */
  static ServedModel of(
      String id,
      Checkpoint checkpoint,
      ServerSettings settings,
      long memory,
      Team team,
      ReentrantLock turn,
      Metrics metrics) {
    ModelDescription description = Families.describe(checkpoint);
    Tokenizer tokenizer = Tokenizer.of(checkpoint);
    Forward forward = new Forward(Model.of(description), team, Observer.NONE);
    int longest = description.hyperparameters().context();
    if (settings.context().orElse(1) > longest) {
      throw new PhialException.Usage(
          "--context: expected at most %d, the context of %s, found %d"
              .formatted(longest, id, settings.context().getAsInt()));
    }
    int context = settings.context().orElse(longest);
    int fitting = fitting(forward, context, memory);
    if (fitting < Math.min(context, LEAST) || settings.context().isPresent() && fitting < context) {
      throw new PhialException.Unsupported(
          "%s: expected keys and values of %d tokens to take at most %s, found %s; choose a smaller --context or type of the model, or allow more --memory"
              .formatted(
                  id,
                  settings.context().orElse(LEAST),
                  Sizes.of(memory),
                  Sizes.of(Caches.bytes(forward, settings.context().orElse(LEAST)))));
    }
    int sessions = 2 * settings.parallel();
    long cacheBytes = Math.min(memory, sessions * Caches.bytes(forward, fitting));
    Scheduler scheduler =
        new Scheduler(
            id,
            forward,
            turn,
            settings.parallel(),
            settings.queue(),
            new Caches(forward, sessions, cacheBytes),
            metrics);
    return new ServedModel(
        id,
        checkpoint.path(),
        tokenizer,
        ChatTemplate.of(checkpoint),
        Sampling.of(checkpoint),
        description.hyperparameters().vocabulary(),
        fitting,
        Math.min(fitting, settings.most().orElse(fitting)),
        cacheBytes,
        scheduler);
  }

  /** The longest text whose keys and values fit the memory. */
  private static int fitting(Forward forward, int context, long memory) {
    int low = 0;
    int high = context;
    while (low < high) {
      int middle = (low + high + 1) / 2;
      if (Caches.bytes(forward, middle) <= memory) {
        low = middle;
      } else {
        high = middle - 1;
      }
    }
    return low;
  }

  /** What went wrong, without the path of the model. */
  String tell(PhialException cause) {
    return String.valueOf(cause.getMessage()).replace(path.toString(), id);
  }

  int active() {
    return scheduler.active();
  }

  int waiting() {
    return scheduler.waiting();
  }

  /** Texts that are continued together. */
  void submit(List<Sequence> sequences) {
    scheduler.submit(sequences);
  }

  @Override
  public void close() {
    scheduler.close();
  }
}
