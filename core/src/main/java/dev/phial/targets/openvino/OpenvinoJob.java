package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.plan.Plan;
import dev.phial.targets.Job;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * One folder, planned.
 *
 * @param source where the model is read from
 * @param texts small files by name
 * @param companions files of the checkpoint that come along
 */
record OpenvinoJob(
    Path source,
    Plan plan,
    OpenvinoModel model,
    Map<String, byte[]> texts,
    List<Path> companions,
    Manifest manifest)
    implements Job {
  static final String GRAPH = "openvino_model.xml";
  static final String DATA = "openvino_model.bin";

  /** The files, the manifest aside. */
  static Stream<String> names(Map<String, byte[]> texts, List<Path> companions) {
    return Stream.of(
            Stream.of(DATA),
            texts.keySet().stream(),
            companions.stream().map(file -> String.valueOf(file.getFileName())))
        .flatMap(names -> names);
  }

  @Override
  public List<Path> files(Path output) {
    return Stream.concat(names(texts, companions), Stream.of(Manifest.NAME))
        .map(output::resolve)
        .toList();
  }

  @Override
  public Sink open(Path output, boolean replace) {
    try {
      if (Files.exists(output) && Files.isSameFile(output, source)) {
        throw new PhialException.Usage(
            output + " is what the model is read from; pass -o for another place");
      }
    } catch (IOException e) {
      throw new PhialException.OutputFailed(output + " cannot be looked at", e);
    }
    return new OpenvinoSink(this, output, replace);
  }
}
