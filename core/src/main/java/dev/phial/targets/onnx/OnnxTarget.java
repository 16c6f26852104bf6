package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.choose.SmoothQuant;
import dev.phial.graph.DecoderGraph;
import dev.phial.io.PythonJson;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Vision;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Folder;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Clip;
import dev.phial.targets.Manifest;
import dev.phial.targets.Mixing;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.Layout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import onnx.Onnx.ModelProto;
import tools.jackson.databind.node.ObjectNode;

/**
 * A folder for ONNX Runtime GenAI, equal to what its model builder writes; for Qualcomm's
 * accelerator, which the builder does not write for, graphs of our own.
 */
public final class OnnxTarget implements Target {
  private static final String RUNTIME = "ONNX Runtime GenAI";

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
  public Optional<Mixing> mixing() {
    return Optional.of(OnnxOptions.MIXING);
  }

  @Override
  public Layout plan(Request request) {
    Folder folder =
        request
            .checkpoint()
            .folder()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: expected the folder of a checkpoint, whose tokenizer ONNX Runtime GenAI reads, found a single file; pass the checkpoint it was made from, or with --original its folder beside the file"
                        .formatted(request.checkpoint().path())));
    if (QnnOptions.isAsked(request)) {
      return QnnFiles.plan(
          folder, request, new Manifest(request, this, QnnOptions.of(request).label()));
    }
    OnnxOptions asked = OnnxOptions.of(request);
    checkTables(folder, request.model().hyperparameters());
    Optional<ActivationRanges> ranges = CalibrationOptions.known(request);
    ModelDescription model =
        SmoothQuant.apply(
            request.model(), ranges.map(ActivationRanges::smoothing).orElse(new TreeMap<>()));
    DecoderGraph decoder = DecoderGraph.of(model);
    Optional<Vision> vision = asked.isWhole() ? Clip.of(request, RUNTIME) : Optional.empty();
    OnnxOptions options = vision.isPresent() ? asked.fromEmbeddings() : asked;
    OnnxData data = new OnnxData(GenaiConfig.GRAPH);
    GraphWriter.Written written = GraphWriter.write(decoder, options, ranges, data);
    Map<String, ModelProto> graphs =
        new LinkedHashMap<>(Map.of(GenaiConfig.GRAPH, written.graph()));
    List<OnnxData> all = new ArrayList<>(List.of(data));
    Map<String, byte[]> files = smallFiles(folder, model, options, vision.isPresent());
    if (vision.isPresent()) {
      OnnxData embedding = new OnnxData(EmbeddingWriter.GRAPH);
      OnnxData encoder = new OnnxData(VisionWriter.GRAPH);
      graphs.put(EmbeddingWriter.GRAPH, EmbeddingWriter.write(decoder, asked.apart(), embedding));
      graphs.put(
          VisionWriter.GRAPH,
          VisionWriter.write(vision.get(), model.hyperparameters(), asked.ofEncoder(), encoder));
      all.addAll(List.of(embedding, encoder));
      files.put(ProcessorConfig.NAME, ProcessorConfig.of(folder));
    }
    return new OnnxFiles(model, graphs, all, files, written.activations())
        .layout(
            request,
            new Manifest(request, this, options.precision().label()),
            options.precision().roundsActivations() && ranges.isEmpty());
  }

  private static Map<String, byte[]> smallFiles(
      Folder folder, ModelDescription model, OnnxOptions options, boolean sees) {
    Hyperparameters h = model.hyperparameters();
    Map<String, byte[]> files = new LinkedHashMap<>();
    ObjectNode genai = GenaiConfig.of(folder, model.family(), h, options);
    if (sees) {
      GenaiConfig.addSight(genai);
    }
    files.put(GenaiConfig.NAME, PythonJson.dump(genai, 4));
    if (h.attention().blocks().isPresent()) { // the graph does not say what it does
      files.put("config.json", PythonJson.dump(folder.plainConfig(), 2));
    }
    files.putAll(TokenizerFiles.of(folder, h.context()));
    return files;
  }

  @Override
  public boolean needsRanges(Request request) {
    return (QnnOptions.isAsked(request)
            || Precision.named(request.precision().orElse(Precision.INT4.label()))
                .roundsActivations())
        && CalibrationOptions.areLacking(request);
  }

  @Override
  public CalibrationOptions calibration(Request request) {
    CalibrationOptions options = CalibrationOptions.of(request.options());
    return QnnOptions.isAsked(request) ? options.withoutSmoothing() : options;
  }

  @Override
  public Set<ActivationPoint> points(Request request) {
    return QnnOptions.isAsked(request) ? ActivationPoint.ALL : ActivationPoint.OF_MATRICES;
  }

  private static void checkTables(Folder folder, Hyperparameters h) {
    long positions = (long) h.context() + h.rope().originalContext();
    long bytes = positions * h.rope().dimensions() * Float.BYTES;
    if (bytes > LARGEST_TABLES) {
      throw new PhialException.Unsupported(
          "%s: expected a context whose rotary tables fit a graph, which ends at 2 GiB, found %d positions of %d dimensions"
              .formatted(folder.config().file(), positions, h.rope().dimensions()));
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
        .attention()
        .slidingWindow()
        .filter(window -> window < h.context())
        .map(window ->
            "ONNX Runtime GenAI lets every token attend to all before it; the model was meant to see the last %d"
                .formatted(window))
        .stream()
        .toList();
  }

  @Override
  public List<String> caveats(Request request) {
    if (QnnOptions.isAsked(request)) {
      return QnnFiles.caveats(request);
    }
    List<String> caveats = new ArrayList<>(caveats(request.model()));
    if (sees(request)) {
      caveats.add(Clip.caveat(RUNTIME));
      int squares = ProcessorConfig.squares(request.checkpoint().folder().orElseThrow());
      if (squares != ProcessorConfig.SQUARES) {
        caveats.add(
            "ONNX Runtime GenAI cuts images into up to %d squares; the checkpoint says %d"
                .formatted(ProcessorConfig.SQUARES, squares));
      }
    }
    return caveats;
  }

  private static boolean sees(Request request) {
    return !QnnOptions.isAsked(request)
        && OnnxOptions.of(request).isWhole()
        && Clip.of(request, RUNTIME).isPresent();
  }

  @Override
  public String command(String path, Request request) {
    if (sees(request)) {
      return """
      python3 -c 'import onnxruntime_genai as og, sys; m = og.Model(sys.argv[1]); t = m.create_multimodal_processor(); \
      p = og.GeneratorParams(m); p.set_search_options(max_length=4000); g = og.Generator(m, p); \
      g.set_inputs(t("<|user|>\\n<|image_1|>\\nWhat is this?<|end|>\\n<|assistant|>\\n", images=og.Images.open(sys.argv[2]))); \
      [g.generate_next_token() for _ in range(40) if not g.is_done()]; print(t.decode(g.get_sequence(0)))' %s IMAGE\
      """
          .formatted(path);
    }
    return """
    python3 -c 'import onnxruntime_genai as og, sys; m = og.Model(sys.argv[1]); t = og.Tokenizer(m); \
    p = og.GeneratorParams(m); p.set_search_options(max_length=50); g = og.Generator(m, p); \
    g.append_tokens(t.encode("Hello")); [g.generate_next_token() for _ in range(40) if not g.is_done()]; \
    print(t.decode(g.get_sequence(0)))' %s\
    """
        .formatted(path);
  }

  @Override
  public String defaultName(Request request) {
    String precision = OnnxOptions.settled(request).precision().orElse(Precision.INT4.label());
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
