package dev.phial.targets.mlx;

import dev.phial.plan.Plan;
import dev.phial.targets.Job;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * A folder for mlx_lm, planned.
 *
 * @param texts small files by name
 * @param companions files of the checkpoint that come along
 */
record MlxJob(
    Plan plan,
    MlxLayout layout,
    Map<String, byte[]> texts,
    List<Path> companions,
    Manifest manifest)
    implements Job {
  /** The files, the manifest aside. */
  static Stream<String> names(MlxLayout layout, Map<String, byte[]> texts, List<Path> companions) {
    return Stream.of(
            layout.shards().stream().map(SafetensorsFile::name),
            texts.keySet().stream().sorted(),
            companions.stream().map(file -> String.valueOf(file.getFileName())))
        .flatMap(names -> names);
  }

  @Override
  public List<Path> files(Path output) {
    return Stream.concat(names(layout, texts, companions), Stream.of(Manifest.NAME))
        .map(output::resolve)
        .toList();
  }

  @Override
  public Sink open(Path output, boolean replace) {
    return new MlxSink(this, output, replace);
  }
}
