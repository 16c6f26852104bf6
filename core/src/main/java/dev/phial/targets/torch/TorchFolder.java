package dev.phial.targets.torch;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.model.ModelDescription;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.Recoding;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.source.Folder;
import dev.phial.targets.Manifest;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.layout.FileNames;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.SafetensorsFile;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.node.ObjectNode;

/**
 * The folder of a checkpoint as transformers and vLLM load it, with linear layers in some scheme.
 * The embedding, the output matrix, routers and vectors stay as they are.
 */
final class TorchFolder {
  private static final String CARD =
      """
      ---
      library_name: transformers
      pipeline_tag: text-generation
      ---
      """;

  private static final String REMEDY = "use torch:bf16 or torch:fp32";
  private static final int INDENT = 2;

  /** Classes whose folders are text models, in transformers itself. */
  private static final List<String> ARCHITECTURES =
      List.of("PhiForCausalLM", "Phi3ForCausalLM", "PhiMoEForCausalLM", "PhimoeForCausalLM");

  private static final Set<Role> NUMBERS = Set.of(Role.TOKEN_EMBEDDING, Role.OUTPUT, Role.ROUTER);

  /** The widest type first, so that every tensor begins at a multiple of its own. */
  private static final Comparator<Entry> ORDER =
      Comparator.<Entry>comparingInt(entry -> -entry.dtype().blockBytes())
          .thenComparing(Entry::name);

  private final Request request;
  private final Folder folder;
  private final Optional<Scheme> scheme;
  private final Optional<FloatType> type;
  private final List<TorchTensor> tensors = new ArrayList<>();
  private final List<String> layers = new ArrayList<>(); // that are linear

  private TorchFolder(
      Request request, Folder folder, Optional<Scheme> scheme, Optional<FloatType> type) {
    this.request = request;
    this.folder = folder;
    this.scheme = scheme;
    this.type = type;
  }

  /**
   * @param scheme of linear layers, if they are quantized
   * @param type of numbers, if it is not that of the checkpoint
   * @param label of the precision
   */
  static Layout plan(
      Request request,
      Target target,
      Optional<Scheme> scheme,
      Optional<FloatType> type,
      String label) {
    Folder folder = folder(request);
    TorchFolder planned = new TorchFolder(request, folder, scheme, type);
    for (Weight weight : request.model().weights()) {
      planned.add(weight);
    }
    scheme.ifPresent(s -> s.ignored().check(planned.layers));
    return planned.layout(target, label);
  }

  private static Folder folder(Request request) {
    String path = request.checkpoint().path().toString();
    Folder folder =
        request
            .checkpoint()
            .folder()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    path
                        + ": expected the folder of a checkpoint, whose config.json and tokenizer go to PyTorch, found GGUF; pass with --original the one it was made from",
                    "needs the folder of the checkpoint"));
    String architecture =
        folder.config().json().path("architectures").path(0).stringValue("no architecture");
    if (!ARCHITECTURES.contains(architecture)) {
      throw new PhialException.Unsupported(
          "%s: expected a Phi that transformers and vLLM load as a text model and without code of its own (%s), found %s; --to gguf, onnx or mlx may take it"
              .formatted(path, String.join(", ", ARCHITECTURES), architecture),
          "transformers has no text model of its kind");
    }
    return folder;
  }

  private ModelDescription model() {
    return request.model();
  }

  private void add(Weight weight) {
    boolean isLinear =
        weight.part() == Part.WEIGHT
            && weight.shape().rank() > 1
            && !NUMBERS.contains(weight.role());
    String name = weight.huggingFaceName();
    if (weight.shape().rank() < 3) {
      add(name, Rows.of(weight), isLinear);
      return;
    }
    long rows = weight.matrixRows();
    for (int expert = 0; expert < weight.shape().rows() / rows; expert++) {
      String ofExpert = name.replace("{}", String.valueOf(expert));
      add(ofExpert, new Rows(weight, expert * rows, rows), isLinear);
    }
  }

  private void add(String name, Rows rows, boolean isLinear) {
    FloatType number = number(rows.weight());
    String layer = isLinear ? name.substring(0, name.length() - Part.WEIGHT.suffix().length()) : "";
    if (isLinear) {
      layers.add(layer);
    }
    if (isLinear && scheme.filter(s -> !s.ignored().covers(layer)).isPresent()) {
      Linear linear = new Linear(layer, rows, number);
      check(linear, scheme.get());
      tensors.add(carried(scheme.get().tensor(linear), linear));
      return;
    }
    Weight weight = rows.weight();
    boolean isHalf =
        weight.part() == Part.BIAS
            && weight.name().role() != Role.OUTPUT
            && isOfLinear(weight)
            && scheme.filter(Scheme::isHalf).isPresent();
    FloatType stored = isHalf ? FloatType.F16 : type.orElse(exact(weight, number));
    Format format = Formats.of(stored);
    Shape shape =
        weight.shape().rank() < 3
            ? weight.shape()
            : Shape.of(rows.count(), weight.shape().columns());
    PlannedTensor planned = PlannedTensor.of(name, shape, format, List.of(rows));
    tensors.add(
        new TorchTensor(planned, RowStore.of(planned, new Entry(name, stored.type(), shape))));
  }

  /** What holds all numbers of a parameter, where none may be rounded. */
  private FloatType exact(Weight weight, FloatType number) {
    return request.keeps() && weight.coding().isPresent() ? FloatType.F32 : number;
  }

  /** Whether a bias belongs to a matrix that is quantized. */
  private boolean isOfLinear(Weight bias) {
    return model().weights().stream()
        .anyMatch(weight ->
            weight.part() == Part.WEIGHT
                && weight.shape().rank() > 1
                && weight.role() == bias.role()
                && weight.layer() == bias.layer());
  }

  private TorchTensor carried(TorchTensor tensor, Linear linear) {
    if (!request.keeps()) {
      return tensor;
    }
    Scheme to = scheme.orElseThrow();
    FloatType scales = to.isHalf() ? FloatType.F16 : linear.number();
    Optional<Recoding> recoding =
        Kept.of(linear.name(), List.of(linear.weight()), to::codings, scales);
    if (recoding.isEmpty()) {
      throw new PhialException.Unsupported(
          "tensor %s: expected integers with scales, which --carry would keep, found %s; quantize anew without --carry"
              .formatted(linear.name(), linear.weight().encoding().name()));
    }
    return new TorchTensor(tensor.planned().with(recoding), tensor.store(), tensor.contents());
  }

  private static void check(Linear linear, Scheme scheme) {
    if (linear.inputs() % scheme.inputs() != 0 || linear.outputs() % scheme.outputs() != 0) {
      throw new PhialException.Unsupported(
          "tensor %s: expected columns that are a multiple of %d and rows that are one of %d, found shape %s; choose another precision, or a smaller --group-size where there is one"
              .formatted(linear.name(), scheme.inputs(), scheme.outputs(), linear.shape()));
    }
  }

  /** The type of the numbers: that of the checkpoint, or what its configuration says. */
  private FloatType number(Weight weight) {
    if (request.keeps() && weight.coding().isPresent()) {
      return Kept.type(weight);
    }
    return switch (weight.encoding()) {
      case DType plain when plain == DType.F32 || plain == DType.F16 || plain == DType.BF16 ->
          FloatType.nearest(plain);
      default -> folder.dtype().flatMap(FloatType::named).orElse(FloatType.BF16);
    };
  }

  private Layout layout(Target target, String label) {
    List<Entry> entries =
        tensors.stream().flatMap(tensor -> tensor.entries().stream()).sorted(ORDER).toList();
    List<SafetensorsFile> shards = SafetensorsFile.shards("pt", entries, SafetensorsFile.LARGEST);
    Layout.Builder builder =
        new Layout.Builder(model(), FileNames.FOLDER, request.choosing(REMEDY))
            .file("README.md", CARD.getBytes(StandardCharsets.UTF_8))
            .file("config.json", config())
            .companions(folder.companions())
            .activations(rounded())
            .manifest(new Manifest(request, target, label));
    if (shards.size() > 1) {
      builder.file("model.safetensors.index.json", index(shards));
    }
    shards.forEach(shard -> shard.addTo(builder));
    for (TorchTensor tensor : tensors) {
      builder.region(tensor.planned(), tensor.store());
      tensor.contents().forEach(builder::content);
    }
    return builder.build(target.name(), label, "");
  }

  private RoundedActivations rounded() {
    return scheme
        .flatMap(Scheme::inputCodes)
        .map(RoundedActivations::of)
        .orElse(RoundedActivations.NONE);
  }

  private byte[] index(List<SafetensorsFile> shards) {
    ObjectNode index = Json.MAPPER.createObjectNode();
    index
        .putObject("metadata")
        .put("total_size", shards.stream().mapToLong(SafetensorsFile::dataBytes).sum());
    index.set("weight_map", SafetensorsFile.weightMap(shards));
    return PythonJson.dump(index, INDENT);
  }

  /** That of the checkpoint, and what was quantized how. */
  private byte[] config() {
    ObjectNode config = folder.plainConfig();
    Optional<FloatType> computes =
        type.or(() ->
            scheme.filter(Scheme::isHalf).isPresent()
                ? Optional.of(FloatType.F16)
                : Optional.empty());
    computes.ifPresent(
        number -> config.put(config.has("dtype") ? "dtype" : "torch_dtype", number.word()));
    scheme.ifPresent(s -> config.set("quantization_config", s.config(model())));
    return PythonJson.dump(config, INDENT);
  }
}
