package dev.phial.cli;

import dev.phial.engine.hub.Hub;
import dev.phial.engine.hub.HubId;
import dev.phial.io.Sizes;
import dev.phial.source.Checkpoint;
import java.nio.file.Path;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/** Models that a command names by their names on the hub; each is pulled once. */
final class HubModels {
  private static final Map<HubId, Path> PULLED = new ConcurrentHashMap<>();

  private HubModels() {}

  /** Where a model is, which is pulled if it is not here. */
  static Path path(HubId id) {
    return PULLED.computeIfAbsent(id, any -> pull(id, Hub.Part.ALL).path());
  }

  /** Where configuration and tokenizer of a model are. */
  static Path withoutWeights(HubId id) {
    Path path = PULLED.get(id);
    return path == null ? pull(id, Hub.Part.WITHOUT_WEIGHTS).path() : path;
  }

  /** Pulls a model, and says so if that is work. */
  static Hub.Pulled pull(HubId id, Hub.Part part) {
    return pull(Hub.open(), id, part);
  }

  /** Pulls a model from a hub, which it closes. */
  static Hub.Pulled pull(Hub opened, HubId id, Hub.Part part) {
    try (Hub hub = opened) {
      Hub.Pulled pulled = hub.pull(id, part, Bar.progress());
      pulled.notes().forEach(note -> System.err.println("note: " + note));
      if (pulled.fetched() > 0) {
        System.err.printf("pulled %s, %s%n", id, Sizes.of(pulled.fetched()));
      }
      return pulled;
    }
  }

  /** A model whose weights come as they are read, unless it is here. */
  static Checkpoint stream(HubId id) {
    Hub hub = Hub.open();
    try {
      return hub.stream(id);
    } catch (Throwable e) {
      hub.close();
      throw e;
    }
  }
}
