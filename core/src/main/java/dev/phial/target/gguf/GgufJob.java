package dev.phial.target.gguf;

import dev.phial.plan.Plan;
import dev.phial.target.Job;
import dev.phial.target.Sink;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;

/**
 * One or several GGUF files, planned.
 *
 * @param importance by tensor name
 */
record GgufJob(Plan plan, List<GgufLayout> layouts, Map<String, float[]> importance)
    implements Job {
  @Override
  public List<Path> files(Path output) {
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
    return new GgufSink(layouts, files(output), importance, replace);
  }
}
