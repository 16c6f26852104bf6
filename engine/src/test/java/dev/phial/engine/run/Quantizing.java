package dev.phial.engine.run;

import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.gguf.GgufTarget;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Makes GGUF files of the small models. */
public final class Quantizing {
  private Quantizing() {}

  public static Path gguf(Path model, String type, Path folder) {
    try (Checkpoint checkpoint = Sources.open(model)) {
      Layout job =
          new GgufTarget()
              .plan(
                  new Request(
                      checkpoint, Families.describe(checkpoint), Optional.of(type), Options.NONE));
      Path file = folder.resolve(model.getFileName() + "-" + type + ".gguf");
      try (Sink sink = job.open(file, true)) {
        Pass.run(List.of(sink), 1, Progress.NONE);
      }
      return file;
    }
  }
}
