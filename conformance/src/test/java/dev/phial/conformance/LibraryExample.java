package dev.phial.conformance;

import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import dev.phial.targets.layout.Sink;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The example of README.md, where {@link DocumentationTest} looks for these very lines. */
final class LibraryExample {
  private LibraryExample() {}

  static void quantize(Path model, Path output) {
    Target gguf = Targets.named("gguf").orElseThrow();
    try (Checkpoint checkpoint = Sources.open(model)) {
      Request request =
          new Request(
              checkpoint, Families.describe(checkpoint), Optional.of("Q4_K_M"), Options.NONE);
      try (Sink sink = gguf.plan(request).open(output, false)) {
        Pass.run(List.of(sink), Runtime.getRuntime().availableProcessors(), Progress.NONE);
      }
    }
  }
}
