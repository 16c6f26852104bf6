package dev.phial.engine;

import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import dev.phial.targets.Options;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.json.JsonMapper;

/** The small models of the project, and what references make of them. */
public final class Fixtures {
  private static final Path ROOT = Objects.requireNonNull(Path.of("").toAbsolutePath().getParent());

  private Fixtures() {}

  public static Path model(String name) {
    return ROOT.resolve("fixtures/models").resolve(name);
  }

  /** A golden file beside a test. */
  public static JsonNode golden(Class<?> test, String name) {
    try (InputStream in = Objects.requireNonNull(test.getResourceAsStream(name))) {
      return new JsonMapper().readTree(in);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Converts a model and returns the file. */
  public static Path gguf(String model, Path folder) {
    Target target =
        Targets.ALL.stream().filter(t -> t.name().equals("gguf")).findFirst().orElseThrow();
    Path output = folder.resolve(model + ".gguf");
    try (Checkpoint checkpoint = Sources.open(model(model))) {
      Layout job =
          target.plan(
              new Request(
                  checkpoint, Families.describe(checkpoint), Optional.of("Q8_0"), Options.NONE));
      try (Sink sink = job.open(output, true)) {
        Pass.run(List.of(sink), 1, Progress.NONE);
      }
    }
    return output;
  }
}
