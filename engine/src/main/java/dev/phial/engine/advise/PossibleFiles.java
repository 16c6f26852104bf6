package dev.phial.engine.advise;

import dev.phial.PhialException;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Plan;
import dev.phial.source.Checkpoint;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What could be made of a model: each file is planned once, however many devices ask. */
public final class PossibleFiles {
  private final Checkpoint checkpoint;
  private final ModelDescription model;
  private final Map<String, Possible> known = new HashMap<>();

  public PossibleFiles(Checkpoint checkpoint, ModelDescription model) {
    this.checkpoint = checkpoint;
    this.model = model;
  }

  /**
   * A file, or why there is none.
   *
   * @param obstacle in a few words
   */
  record Possible(Optional<Plan> plan, String obstacle) {}

  /** A file of a target for one part of a device. */
  Possible of(Target target, String precision, Use use) {
    return known.computeIfAbsent(
        target.name() + ":" + precision + use.suffix(), any -> plan(target, precision, use));
  }

  private Possible plan(Target target, String precision, Use use) {
    Map<String, List<String>> options = new HashMap<>();
    use.options()
        .forEach((name, value) -> options.put(name, value.isEmpty() ? List.of() : List.of(value)));
    try {
      Request request =
          new Request(checkpoint, model, Optional.of(precision), new Options(options));
      return new Possible(Optional.of(target.plan(request).plan()), "");
    } catch (PhialException.Unsupported e) {
      return new Possible(Optional.empty(), e.reason());
    }
  }
}
