package dev.phial.targets.mlx;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.io.PythonJson;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;
import dev.phial.quant.MlxFormat;
import dev.phial.quant.Recoding;
import dev.phial.source.Folder;
import dev.phial.targets.Clip;
import dev.phial.targets.Manifest;
import dev.phial.targets.Mixing;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.TargetOption;
import dev.phial.targets.layout.FileNames;
import dev.phial.targets.layout.Layout;
import dev.phial.tensor.Coding;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/**
 * A folder for MLX, as mlx_lm.convert writes it: {@code mlx:4} is its {@code -q --q-bits 4}, {@code
 * mlx} alone does not quantize.
 */
public final class MlxTarget implements Target {
  /** What mlx_lm says about a model that has no card of its own. */
  private static final String CARD =
      """
      ---
      language: en
      library_name: mlx
      pipeline_tag: text-generation
      tags:
      - mlx
      ---
      """;

  private static final String REMEDY = "pass --dtype bfloat16 or float32";

  @Override
  public String name() {
    return "mlx";
  }

  @Override
  public List<String> precisions() {
    return MlxSettings.PRECISIONS;
  }

  @Override
  public List<TargetOption> options() {
    return MlxSettings.OPTIONS;
  }

  @Override
  public Optional<Mixing> mixing() {
    return Optional.of(MlxSettings.MIXING);
  }

  @Override
  public boolean writesFolder() {
    return true;
  }

  @Override
  public List<String> caveats(ModelDescription model) {
    Hyperparameters h = model.hyperparameters();
    List<String> caveats = new ArrayList<>();
    if (!h.sharesWidth()) {
      caveats.add(
          "mlx_lm cannot load it: it takes heads of hidden / heads (%d) dimensions, these have %d"
              .formatted(h.hidden() / h.attention().heads(), h.attention().headSize()));
    }
    h.rope()
        .longRope()
        .ifPresent(rope ->
            caveats.add(
                model.family().name().equals("phi3small")
                    ? "mlx_lm has no LongRoPE for this family and ignores the factors: its output differs from the reference for texts of any length"
                    : "mlx_lm uses the long LongRoPE factors for texts of any length; the reference uses the short ones up to %d tokens"
                        .formatted(h.rope().originalContext())));
    h.rope()
        .longRope()
        .flatMap(LongRope::longScale)
        .filter(scale -> h.experts().count() == 0 && Math.abs(scale - h.attentionFactor()) > 1e-3)
        .ifPresent(scale ->
            caveats.add(
                "mlx_lm scales rotated queries and keys by %.4f, which follows from the contexts; the checkpoint says %.4f"
                    .formatted(h.attentionFactor(), scale)));
    h.attention()
        .slidingWindow()
        .filter(window -> window < h.context())
        .ifPresent(window ->
            caveats.add(
                "mlx_lm attends to the whole text; the reference looks back %d tokens"
                    .formatted(window)));
    return caveats;
  }

  @Override
  public Layout plan(Request request) {
    MlxSettings settings = MlxSettings.of(request);
    String path = request.checkpoint().path().toString();
    Folder folder =
        request
            .checkpoint()
            .folder()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    path
                        + ": expected the folder of a checkpoint, whose tokenizer goes to MLX, found GGUF; pass with --original the one it was made from",
                    "needs the folder of the checkpoint"));
    ModelDescription model = request.model();
    MlxArchitecture architecture = MlxArchitecture.of(model, path);
    List<Weight> weights = architecture.ordered(model, path);
    if (settings.mixture().isPresent() && !MlxMixture.suits(weights)) {
      throw new PhialException.Unsupported(
          "%s: expected down_proj matrices, which %s is about, found none; choose mlx:4 or another precision"
              .formatted(path, settings.mixture().get()),
          "needs down_proj matrices");
    }
    Optional<FloatType> dtype = settings.dtype().or(() -> folder.dtype().flatMap(FloatType::named));
    List<MlxTensor> tensors = new ArrayList<>(tensors(request, settings, weights, dtype));
    if (settings.mode().isPresent()
        && tensors.stream().noneMatch(tensor -> tensor.quantized().isPresent())) {
      throw new PhialException.Unsupported(
          "%s: expected matrices whose rows divide into groups of %d, found none; choose another group size"
              .formatted(path, settings.format(FloatType.F32).map(MlxFormat::blockSize).orElse(0)));
    }
    Map<String, byte[]> texts = new LinkedHashMap<>();
    texts.put("README.md", CARD.getBytes(StandardCharsets.UTF_8));
    boolean sees = MlxSight.isAsked(request);
    ObjectNode config = sees ? Clip.config(folder) : (ObjectNode) folder.config().json();
    String modelType = sees ? MlxSight.MODEL_TYPE : architecture.modelType();
    texts.put("config.json", MlxConfig.of(folder, config, modelType, settings, tensors));
    if (sees) {
      tensors.addAll(MlxSight.tensors(request.checkpoint(), dtype));
      texts.put(
          Clip.PREPROCESSOR, PythonJson.dump(Clip.preprocessor(folder).json(), MlxConfig.INDENT));
    }
    MlxLayout layout = MlxLayout.of(tensors);
    texts.put("model.safetensors.index.json", layout.index());
    String precision = settings.precision().orElse(tensors.getFirst().number().word());
    Layout.Builder builder =
        new Layout.Builder(model, FileNames.FOLDER, request.choosing(REMEDY))
            .files(texts)
            .companions(folder.companions())
            .manifest(new Manifest(request, this, precision));
    layout.addTo(builder);
    return builder.build(name(), precision, "");
  }

  private static List<MlxTensor> tensors(
      Request request, MlxSettings settings, List<Weight> weights, Optional<FloatType> dtype) {
    return request.keeps()
        ? carried(weights, settings, request)
        : weights.stream().map(weight -> tensor(weight, request.model(), settings, dtype)).toList();
  }

  /** In the type of the scales, unless another was named. */
  private static List<MlxTensor> carried(
      List<Weight> weights, MlxSettings settings, Request request) {
    Coding usual = request.usualCoding();
    FloatType number =
        settings
            .dtype()
            .orElseGet(() ->
                weights.stream()
                    .filter(weight -> weight.coding().equals(Optional.of(usual)))
                    .findFirst()
                    .map(Kept::type)
                    .orElse(FloatType.F32));
    return weights.stream()
        .map(weight -> {
          Optional<Recoding> recoding =
              Kept.of(weight.mlxName(), List.of(weight), MlxSettings::codings, number);
          return new MlxTensor(
              weight,
              number,
              recoding.map(r -> MlxSettings.affine(r.to().bits(), r.to().groupSize(), number)),
              recoding);
        })
        .toList();
  }

  private static MlxTensor tensor(
      Weight weight, ModelDescription model, MlxSettings settings, Optional<FloatType> dtype) {
    FloatType number = dtype.orElseGet(() -> FloatType.nearest(weight.encoding()));
    Optional<MlxFormat> format =
        weight.shape().rank() < 2
            ? Optional.empty()
            : settings.format(weight, model.hyperparameters().layers(), number);
    return new MlxTensor(
        weight,
        number,
        format.filter(f -> weight.shape().columns() % f.blockSize() == 0), // as mlx_lm does
        Optional.empty());
  }

  @Override
  public String command(String path, Request request) {
    return MlxSight.isAsked(request)
        ? "mlx_vlm.generate --prompt 'What is this?' --image IMAGE --model " + path
        : "mlx_lm.chat --model " + path;
  }

  @Override
  public String defaultName(Request request) {
    return "%s-mlx-%s".formatted(request.checkpoint().name(), MlxSettings.of(request).label());
  }
}
