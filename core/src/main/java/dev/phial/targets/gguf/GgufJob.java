package dev.phial.targets.gguf;

import dev.phial.plan.Plan;
import dev.phial.targets.Job;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import java.util.stream.Stream;

/**
 * One or several GGUF files, planned.
 *
 * @param importance by tensor name
 * @param carries whether codes come along as they are, and numbers unrounded
 */
record GgufJob(
    Plan plan,
    List<GgufLayout> layouts,
    Map<String, float[]> importance,
    Optional<Manifest> manifest,
    boolean carries)
    implements Job {
  GgufJob(Plan plan, List<GgufLayout> layouts, Map<String, float[]> importance) {
    this(plan, layouts, importance, Optional.empty(), false);
  }

  /** The same with a manifest beside it. */
  GgufJob with(Manifest newManifest) {
    return new GgufJob(plan, layouts, importance, Optional.of(newManifest), carries);
  }

  /** The same with codes as they are. */
  GgufJob carrying() {
    return new GgufJob(plan, layouts, importance, manifest, true);
  }

  @Override
  public List<Path> files(Path output) {
    return Stream.concat(
            models(output).stream(), manifest.stream().map(any -> Manifest.beside(output)))
        .toList();
  }

  private List<Path> models(Path output) {
    if (!layouts.getFirst().metadata().containsKey("split.count")) {
      return List.of(output);
    }
    String prefix = output.getFileName().toString().replaceFirst("\\.gguf$", "");
    return IntStream.rangeClosed(1, layouts.size())
        .mapToObj(
            i -> output.resolveSibling("%s-%05d-of-%05d.gguf".formatted(prefix, i, layouts.size())))
        .toList();
  }

  @Override
  public Sink open(Path output, boolean replace) {
    return new GgufSink(this, models(output), Manifest.beside(output), replace);
  }
}
