package dev.phial.target.onnx;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.io.PythonJson;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.source.HuggingFace;
import dev.phial.target.Job;
import dev.phial.target.Manifest;
import dev.phial.target.Sink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/** One folder, planned. */
final class OnnxJob implements Job {
  private final HuggingFace source;
  private final OnnxModel model;
  private final Map<String, byte[]> smallFiles = new LinkedHashMap<>();
  private final Manifest manifest;
  private final Plan plan;

  OnnxJob(HuggingFace source, DecoderGraph decoder, OnnxOptions options, Manifest manifest) {
    this.source = source;
    this.manifest = manifest;
    this.model = GraphWriter.write(decoder, options);
    smallFiles.put(
        GenaiConfig.NAME,
        PythonJson.dump(GenaiConfig.of(source, decoder.hyperparameters(), options), 4));
    if (decoder.hyperparameters().small().isPresent()) { // the graph does not say what it does
      smallFiles.put("config.json", PythonJson.dump(source.config().json(), 2));
    }
    smallFiles.putAll(TokenizerFiles.of(source, decoder.hyperparameters().context()));
    List<PlannedTensor> tensors =
        model.stored().stream().flatMap(entry -> entry.plan().stream()).toList();
    long bytes =
        model.proto().getSerializedSize()
            + model.stored().stream()
                .flatMap(entry -> entry.storage().initializers().stream())
                .mapToLong(Initializer::bytes)
                .sum()
            + smallFiles.values().stream().mapToLong(content -> content.length).sum()
            + manifest.bytes(names().toList());
    plan = new Plan("onnx", options.precision().label(), decoder.hyperparameters(), tensors, bytes);
  }

  private Stream<String> names() {
    return Stream.concat(Stream.of(GenaiConfig.GRAPH, DataFile.NAME), smallFiles.keySet().stream());
  }

  @Override
  public Plan plan() {
    return plan;
  }

  @Override
  public List<Path> files(Path output) {
    return Stream.concat(names(), Stream.of(Manifest.NAME)).map(output::resolve).toList();
  }

  @Override
  public Sink open(Path output, boolean replace) {
    try {
      if (Files.exists(output) && Files.isSameFile(output, source.path())) {
        throw new PhialException.Usage(
            output + " is what the model is read from; pass -o for another place");
      }
    } catch (IOException e) {
      throw new PhialException.OutputFailed(output + " cannot be looked at", e);
    }
    return new OnnxSink(model, smallFiles, manifest, output, replace);
  }
}
