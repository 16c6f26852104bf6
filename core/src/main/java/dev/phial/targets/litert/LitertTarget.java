package dev.phial.targets.litert;

import dev.phial.PhialException;
import dev.phial.choose.Choosing;
import dev.phial.choose.Importance;
import dev.phial.graph.DecoderGraph;
import dev.phial.io.PythonJson;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Folder;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Manifest;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.FileNames;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Slot;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * A folder with a model for LiteRT-LM, {@code model.litertlm}, or for LiteRT alone, {@code
 * model.tflite}; beside it what the model cannot say of itself.
 */
public final class LitertTarget implements Target {
  /** The families whose graph can be written. */
  private static final Set<String> FAMILIES = Set.of("phi2", "phi3");

  private static final String REMEDY = "choose another precision, litert:fp32 for example";

  /** The oldest runtime that the file was run in; its readers want 16 bytes. */
  private static final byte[] RUNTIME =
      "2.20.0\0\0\0\0\0\0\0\0\0\0".getBytes(StandardCharsets.UTF_8);

  @Override
  public String name() {
    return "litert";
  }

  @Override
  public List<String> precisions() {
    return Precision.labels();
  }

  @Override
  public List<TargetOption> options() {
    return LitertOptions.ALL;
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(Request request) {
    Hyperparameters h = request.model().hyperparameters();
    if (!isWritten(request.model()) || h.rope().longRope().isEmpty()) {
      return List.of();
    }
    int context = LitertOptions.of(request).context();
    return List.of(
        context > h.rope().originalContext()
            ? "the model has the long LongRoPE factors for texts of any length, since its context is %d; the reference uses the short ones up to %d tokens"
                .formatted(context, h.rope().originalContext())
            : "the model has the short LongRoPE factors alone, since its context is %d; --context beyond %d takes the long ones"
                .formatted(context, h.rope().originalContext()));
  }

  /** Whether activations have codes that are known beforehand. */
  private static boolean isStatic(Request request) {
    return request.precision().filter(Precision.W8A8.label()::equalsIgnoreCase).isPresent();
  }

  @Override
  public boolean needsRanges(Request request) {
    return isStatic(request) && CalibrationOptions.areLacking(request);
  }

  @Override
  public Set<ActivationPoint> points(Request request) {
    return KnownCodes.POINTS;
  }

  @Override
  public CalibrationOptions calibration(Request request) {
    return CalibrationOptions.of(request.options()).withoutSmoothing();
  }

  private static boolean isWritten(ModelDescription model) {
    return FAMILIES.contains(model.family().name());
  }

  @Override
  public Layout plan(Request request) {
    LitertOptions options = LitertOptions.of(request);
    Folder folder =
        request
            .checkpoint()
            .folder()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: expected the folder of a checkpoint, whose tokenizer goes to LiteRT, found a single file; pass the checkpoint it was made from, or with --original its folder beside the file"
                        .formatted(request.checkpoint().path()),
                    "needs the folder of the checkpoint"));
    ModelDescription description = request.model();
    if (!isWritten(description)) {
      String family = description.family().name();
      throw new PhialException.Unsupported(
          "%s: expected one of the families %s, whose graph can be written for LiteRT, found %s; choose another target"
              .formatted(
                  folder.path(), String.join(", ", FAMILIES.stream().sorted().toList()), family),
          "has no graph for " + family + " models yet");
    }
    Optional<ActivationRanges> ranges =
        isStatic(request)
            ? CalibrationOptions.unsmoothed(request, "litert:w8a8")
            : Optional.empty();
    KnownCodes codes = new KnownCodes(ranges);
    DecoderGraph decoder = DecoderGraph.of(description);
    Layout.Builder layout =
        new Layout.Builder(
            description,
            FileNames.FOLDER,
            new Choosing(options.method(request), Importance.NONE, REMEDY));
    Tflite.Built model = model(decoder, options, codes, layout);
    place(model, options, folder, layout);
    if (needsRanges(request)) {
      layout.obstacle(CalibrationOptions.LACKING);
    }
    return layout
        .file("config.json", PythonJson.dump(folder.plainConfig(), 2))
        .companions(folder.companions())
        .activations(options.rounded(codes.used()))
        .manifest(new Manifest(request, this, options.precision().label()))
        .build(name(), options.precision().label(), options.words());
  }

  private static Tflite.Built model(
      DecoderGraph decoder, LitertOptions options, KnownCodes codes, Layout.Builder layout) {
    Tflite model = new Tflite();
    Parameters parameters = new Parameters(model, decoder, options, layout);
    for (int tokens : options.prefill()) {
      DecoderWriter.prefill(model, decoder, parameters, codes, options.context(), tokens);
    }
    DecoderWriter.decode(model, decoder, parameters, codes, options.context());
    model.metadata("min_runtime_version", RUNTIME);
    return model.build("Phial");
  }

  private static void place(
      Tflite.Built model, LitertOptions options, Folder folder, Layout.Builder layout) {
    String file = options.bundle() ? "model.litertlm" : "model.tflite";
    byte[] before = options.bundle() ? Bundle.before(model.bytes(), folder, options) : new byte[0];
    byte[] head = new byte[before.length + model.head().length];
    System.arraycopy(before, 0, head, 0, before.length);
    System.arraycopy(model.head(), 0, head, before.length, model.head().length);
    Slot slot = Slot.of(file, head.length);
    layout.place(slot, file, 0).content(slot, (same, out) -> out.write(same, head, 0));
    model.places().forEach((part, at) -> layout.place(part, file, before.length + at));
  }

  @Override
  public String command(String path, Request request) {
    return LitertOptions.of(request).bundle()
        ? "litert-lm run %s/model.litertlm".formatted(path)
        : "benchmark_model --graph=%s/model.tflite".formatted(path);
  }

  @Override
  public String defaultName(Request request) {
    return "%s-litert-%s".formatted(request.checkpoint().name(), LitertOptions.of(request).label());
  }
}
