package dev.phial.targets;

import dev.phial.Fixtures;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.plan.Plan;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Plans and writes folders; a spelling is what follows the target and a colon. */
public final class ExportedFolder {
  private ExportedFolder() {}

  /** Writes a folder with the name of the target from a fixture, and says what was planned. */
  public static Plan write(Target target, String model, String spelling, Path folder) {
    return write(target, Fixtures.model(model), spelling, folder.resolve(target.name()));
  }

  /** Writes a checkpoint as anything. */
  public static Plan write(Target target, Path model, String spelling, Path output) {
    try (Checkpoint checkpoint = Sources.open(model)) {
      Layout job = job(target, checkpoint, spelling);
      try (Sink sink = job.open(output, true)) {
        Pass.run(List.of(sink), 2, Progress.NONE);
      }
      return job.plan();
    }
  }

  public static Plan plan(Target target, String model, String spelling) {
    try (Checkpoint checkpoint = Sources.open(Fixtures.model(model))) {
      return job(target, checkpoint, spelling).plan();
    }
  }

  private static Layout job(Target target, Checkpoint checkpoint, String spelling) {
    List<String> words = Arrays.asList(spelling.split(","));
    Map<String, List<String>> options = new HashMap<>();
    for (String word : words.subList(1, words.size())) {
      String[] pair = word.split("=", 2);
      options.put(pair[0], pair.length == 1 ? List.of() : List.of(pair[1]));
    }
    return target.plan(
        new Request(
            checkpoint,
            Families.describe(checkpoint),
            Optional.of(words.getFirst()),
            new Options(options)));
  }
}
