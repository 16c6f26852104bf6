package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.run.Team;
import dev.phial.io.Sizes;
import dev.phial.source.Checkpoint;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;

/** The models that are served, and the memory that they share with other work. */
final class Models implements AutoCloseable {
  private final ServerSettings settings;
  private final Metrics metrics;
  private final Team team;
  private final ReentrantLock turn = new ReentrantLock(true);
  private final Map<String, Served> served = new LinkedHashMap<>();
  private long left; // bytes

  /** A model, and what it holds. */
  private record Served(ServedModel model, Optional<Checkpoint> owned, long bytes) {}

  Models(ServerSettings settings, Metrics metrics) {
    this.settings = settings;
    this.metrics = metrics;
    this.team = new Team(settings.threads());
    this.left = settings.memory();
  }

  /**
   * Serves some from the start.
   *
   * @param checkpoints by ids; they stay open for as long
   * @throws PhialException.Unsupported if they do not fit the memory; none is loaded then
   */
  synchronized void addAll(Map<String, Checkpoint> checkpoints) {
    long rest = left;
    for (Map.Entry<String, Checkpoint> entry : checkpoints.entrySet()) {
      long bytes = ServedModel.bytes(entry.getValue());
      check(entry.getKey(), bytes, rest);
      rest -= bytes;
    }
    long each = rest / Math.max(1, checkpoints.size());
    for (Map.Entry<String, Checkpoint> entry : checkpoints.entrySet()) {
      ServedModel _ = add(entry.getKey(), entry.getValue(), each, Optional.empty());
    }
  }

  private static void check(String id, long bytes, long left) {
    if (bytes > left) {
      throw new PhialException.Unsupported(
          "%s: expected weights of at most %s, the memory that is left, found %s; quantize it to a smaller type, serve fewer models, or allow more with --memory"
              .formatted(id, Sizes.of(left), Sizes.of(bytes)));
    }
  }

  private ServedModel add(String id, Checkpoint checkpoint, long room, Optional<Checkpoint> owned) {
    ServedModel model = ServedModel.of(id, checkpoint, settings, room, team, turn, metrics);
    long bytes = ServedModel.bytes(checkpoint) + model.cacheBytes();
    served.put(id, new Served(model, owned, bytes));
    left -= bytes;
    return model;
  }

  /**
   * Serves one more, if it is not served yet.
   *
   * @param checkpoint closed when it is served no more, or cannot be
   * @throws PhialException if it does not fit the memory, or cannot be run
   */
  synchronized ServedModel load(String id, Checkpoint checkpoint) {
    try {
      if (served.containsKey(id)) {
        throw new PhialException.Usage(id + " is loaded already");
      }
      long bytes = ServedModel.bytes(checkpoint);
      check(id, bytes, left);
      return add(id, checkpoint, (left - bytes) / 2, Optional.of(checkpoint));
    } catch (Throwable e) {
      checkpoint.close();
      throw e;
    }
  }

  /** Serves one no more that was loaded; what it is saying ends. */
  void unload(String id) {
    Served gone;
    synchronized (this) {
      gone = served.get(id);
      if (gone == null || gone.owned.isEmpty()) {
        throw new PhialException.Usage(id + " was not loaded from here");
      }
      served.remove(id);
    }
    gone.model.close();
    gone.owned.get().close();
    give(gone.bytes);
  }

  /**
   * Takes memory for other work.
   *
   * @throws PhialException.Unsupported if there is not enough
   */
  synchronized void take(String what, long bytes) {
    check(what, bytes, left);
    left -= bytes;
  }

  /** Gives it back. */
  synchronized void give(long bytes) {
    left += bytes;
  }

  synchronized Optional<ServedModel> find(String id) {
    return Optional.ofNullable(served.get(id)).map(Served::model);
  }

  /** Whether a model can be served no more on demand. */
  synchronized boolean isLoaded(String id) {
    return Optional.ofNullable(served.get(id)).filter(each -> each.owned.isPresent()).isPresent();
  }

  synchronized List<ServedModel> all() {
    return served.values().stream().map(Served::model).toList();
  }

  @Override
  public void close() {
    List<Served> all;
    synchronized (this) {
      all = new ArrayList<>(served.values());
      served.clear();
    }
    for (Served each : all) {
      each.model.close();
      each.owned.ifPresent(Checkpoint::close);
    }
    team.close();
  }
}
