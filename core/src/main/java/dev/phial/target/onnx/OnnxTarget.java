package dev.phial.target.onnx;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.source.HuggingFace;
import dev.phial.target.Job;
import dev.phial.target.Request;
import dev.phial.target.Target;
import dev.phial.target.TargetOption;
import java.util.List;

/**
 * A folder for ONNX Runtime GenAI, equal to what its model builder writes; for Qualcomm's
 * accelerator, which the builder does not write for, graphs of our own.
 */
public final class OnnxTarget implements Target {
  /** Rotary tables beyond this are no model's; a graph may not be larger than 2 GiB. */
  private static final long LARGEST_TABLES = 1L << 30;

  @Override
  public String name() {
    return "onnx";
  }

  @Override
  public List<String> precisions() {
    return Precision.labels();
  }

  @Override
  public List<TargetOption> options() {
    return OnnxOptions.ALL;
  }

  @Override
  public Job plan(Request request) {
    if (!(request.checkpoint() instanceof HuggingFace folder)) {
      throw new PhialException.Unsupported(
          "%s: expected the folder of a checkpoint, whose tokenizer ONNX Runtime GenAI reads, found a single file; pass the checkpoint it was made from"
              .formatted(request.checkpoint().path()));
    }
    if (QnnOptions.isAsked(request)) {
      return QnnFiles.plan(folder, request);
    }
    OnnxOptions options = OnnxOptions.of(request);
    checkTables(folder, request.model().hyperparameters());
    return OnnxJob.of(folder, DecoderGraph.of(request.model()), options);
  }

  @Override
  public boolean needsRanges(Request request) {
    return QnnOptions.isAsked(request);
  }

  private static void checkTables(HuggingFace folder, Hyperparameters h) {
    long positions = (long) h.context() + h.originalContext();
    long bytes = positions * h.ropeDimensions() * Float.BYTES;
    if (bytes > LARGEST_TABLES) {
      throw new PhialException.Unsupported(
          "%s: expected a context whose rotary tables fit a graph, which ends at 2 GiB, found %d positions of %d dimensions"
              .formatted(folder.config().file(), positions, h.ropeDimensions()));
    }
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(ModelDescription model) {
    Hyperparameters h = model.hyperparameters();
    return h
        .slidingWindow()
        .filter(window -> window < h.context())
        .map(window ->
            "ONNX Runtime GenAI lets every token attend to all before it; the model was meant to see the last %d"
                .formatted(window))
        .stream()
        .toList();
  }

  @Override
  public String defaultName(Request request) {
    String precision = request.precision().orElse(Precision.INT4.label());
    String provider =
        request
            .options()
            .value("ep")
            .filter(name -> !name.equals(Provider.CPU.label()))
            .map(name -> "-" + name)
            .orElse("");
    return "%s-onnx-%s%s".formatted(request.checkpoint().name(), precision, provider);
  }
}
