package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.io.PythonJson;
import dev.phial.model.Hyperparameters;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.HuggingFace;
import dev.phial.targets.Job;
import dev.phial.targets.Manifest;
import dev.phial.targets.Sink;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import onnx.Onnx.ModelProto;

/** One folder, planned. */
final class OnnxJob implements Job {
  private final HuggingFace source;
  private final OnnxModel model;
  private final Map<String, byte[]> smallFiles;
  private final Manifest manifest;
  private final boolean lacksRanges;
  private final Plan plan;

  /**
   * @param label the precision, for people
   * @param smallFiles what stands beside graphs and data
   * @param lacksRanges whether nothing can be written, since nobody knows what will flow
   */
  OnnxJob(
      HuggingFace source,
      OnnxModel model,
      String label,
      Hyperparameters h,
      Map<String, byte[]> smallFiles,
      boolean lacksRanges,
      Manifest manifest) {
    this.manifest = manifest;
    this.source = source;
    this.model = model;
    this.lacksRanges = lacksRanges;
    this.smallFiles = Collections.unmodifiableMap(new LinkedHashMap<>(smallFiles));
    List<PlannedTensor> tensors =
        model.stored().stream().flatMap(entry -> entry.plan().stream()).toList();
    long bytes =
        model.graphs().values().stream().mapToLong(ModelProto::getSerializedSize).sum()
            + model.stored().stream()
                .flatMap(entry -> entry.storage().initializers().stream())
                .mapToLong(Initializer::bytes)
                .sum()
            + smallFiles.values().stream().mapToLong(content -> content.length).sum()
            + manifest.bytes(names().toList());
    plan = new Plan("onnx", label, h, tensors, bytes);
  }

  /** As the model builder would write it. */
  static OnnxJob of(
      HuggingFace source,
      DecoderGraph decoder,
      OnnxOptions options,
      Optional<ActivationRanges> ranges,
      Manifest manifest) {
    Hyperparameters h = decoder.hyperparameters();
    Map<String, byte[]> smallFiles = new LinkedHashMap<>();
    smallFiles.put(GenaiConfig.NAME, PythonJson.dump(GenaiConfig.of(source, h, options), 4));
    if (h.small().isPresent()) { // the graph does not say what it does
      smallFiles.put("config.json", PythonJson.dump(source.plainConfig(), 2));
    }
    smallFiles.putAll(TokenizerFiles.of(source, h.context()));
    return new OnnxJob(
        source,
        GraphWriter.write(decoder, options, ranges),
        options.precision().label(),
        h,
        smallFiles,
        options.precision().roundsActivations() && ranges.isEmpty(),
        manifest);
  }

  private Stream<String> names() {
    return Stream.of(model.graphs().keySet(), Set.of(DataFile.NAME), smallFiles.keySet())
        .flatMap(Set::stream);
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
    if (lacksRanges) {
      throw new PhialException.Usage(
          "these integers need the ranges of activations; pass --ranges FILE, which phial calibrate --ranges writes");
    }
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
