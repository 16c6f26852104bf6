package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Vision;
import dev.phial.quant.FloatType;
import dev.phial.source.Folder;
import dev.phial.targets.Clip;
import dev.phial.targets.Manifest;
import dev.phial.targets.Mixing;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.FileNames;
import dev.phial.targets.layout.Layout;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * A folder for OpenVINO GenAI, with the weights of {@code optimum-cli export openvino}, compressed
 * without data.
 */
public final class OpenvinoTarget implements Target {
  /** The families whose graph can be written. */
  private static final Set<String> FAMILIES = Set.of("phi2", "phi3", "phimoe");

  private static final String RUNTIME = "OpenVINO GenAI";
  private static final String REMEDY = "choose another precision, openvino:fp32 for example";

  @Override
  public String name() {
    return "openvino";
  }

  @Override
  public List<String> precisions() {
    return Precision.labels();
  }

  @Override
  public List<TargetOption> options() {
    return OpenvinoOptions.ALL;
  }

  @Override
  public Optional<Mixing> mixing() {
    return Optional.of(OpenvinoOptions.MIXING);
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(ModelDescription model) {
    Hyperparameters h = model.hyperparameters();
    return FAMILIES.contains(model.family().name())
            && h.rope().longRope().isPresent()
            && h.context() > h.rope().originalContext()
        ? List.of(
            "OpenVINO takes the long LongRoPE factors once a text passes %d tokens, and keeps the keys it has; the reference computes them again"
                .formatted(h.rope().originalContext()))
        : List.of();
  }

  @Override
  public List<String> caveats(Request request) {
    List<String> caveats = new ArrayList<>(caveats(request.model()));
    if (sees(request)) {
      caveats.add(Clip.caveat(RUNTIME));
    }
    return caveats;
  }

  @Override
  public Layout plan(Request request) {
    OpenvinoOptions options = OpenvinoOptions.of(request);
    Folder folder =
        request
            .checkpoint()
            .folder()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: expected the folder of a checkpoint, whose tokenizer goes to OpenVINO, found a single file; pass the checkpoint it was made from, or with --original its folder beside the file"
                        .formatted(request.checkpoint().path()),
                    "needs the folder of the checkpoint"));
    ModelDescription description = request.model();
    String family = description.family().name();
    if (!FAMILIES.contains(family)) {
      throw new PhialException.Unsupported(
          "%s: expected one of the families %s, whose graph can be written for OpenVINO, found %s; choose another target"
              .formatted(
                  folder.path(), String.join(", ", FAMILIES.stream().sorted().toList()), family),
          "has no graph for " + family + " models yet");
    }
    DecoderGraph decoder = DecoderGraph.of(description);
    FloatType origin =
        options.keeps() ? FloatType.F32 : origin(folder, decoder, options.precision());
    Layout.Builder layout =
        new Layout.Builder(description, FileNames.FOLDER, request.choosing(REMEDY));
    Optional<Vision> vision = Clip.of(request, RUNTIME);
    Map<String, byte[]> texts = new LinkedHashMap<>();
    texts.putAll(new Graphs(decoder, options, origin, layout).write(vision));
    texts.putAll(Texts.of(folder, options));
    vision.ifPresent(seeing -> texts.putAll(Sight.texts(folder, seeing)));
    return layout
        .files(texts)
        .companions(
            folder.companions().stream()
                .filter(file -> !texts.containsKey(String.valueOf(file.getFileName())))
                .toList())
        .manifest(new Manifest(request, this, options.precision().label()))
        .build(name(), options.precision().label(), options.words());
  }

  /** The type in which the reference holds the weights before it compresses them. */
  private static FloatType origin(Folder folder, DecoderGraph decoder, Precision precision) {
    return switch (precision) {
      case FP32 -> FloatType.F32;
      case FP16 -> FloatType.F16;
      default ->
          folder
              .dtype()
              .flatMap(FloatType::named)
              .orElseGet(() ->
                  FloatType.nearest(decoder.embedding().parts().getFirst().weight().encoding()));
    };
  }

  @Override
  public String command(String path, Request request) {
    return (sees(request)
            ? "python3 -c 'import openvino, openvino_genai, numpy, PIL.Image, sys; print(openvino_genai.VLMPipeline(sys.argv[1], \"CPU\").generate(\"What is this?\", images=[openvino.Tensor(numpy.array(PIL.Image.open(sys.argv[2]).convert(\"RGB\")))], max_new_tokens=50))' %s IMAGE"
            : "python3 -c 'import openvino_genai, sys; print(openvino_genai.LLMPipeline(sys.argv[1], \"CPU\").generate(\"Hello\", max_new_tokens=50))' %s")
        .formatted(path);
  }

  private static boolean sees(Request request) {
    return Clip.of(request, RUNTIME).isPresent();
  }

  @Override
  public String defaultName(Request request) {
    return "%s-openvino-%s"
        .formatted(request.checkpoint().name(), OpenvinoOptions.of(request).label());
  }
}
