package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.TensorName;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.model.VisionRole;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Recipe;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.GgufType;
import dev.phial.source.GgufValue;
import dev.phial.targets.Request;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.Slot;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;

/**
 * The encoder of images of Phi-4-reasoning-vision and the projector behind it, in the file that
 * llama.cpp's converter writes with {@code --mmproj} ({@code Phi4VisionMmprojModel}). What comes
 * before the last layer of SigLIP2 is what the model sees, so the last layer is not written.
 */
final class Mmproj {
  private static final VisionKind KIND = VisionKind.NAFLEX;
  private static final String PROJECTOR = "model.mm_projector.";
  private static final String PATCHES = "v.patch_embd";

  /** What llama.cpp calls the modules outside the layers. */
  private static final Map<VisionRole, String> MODULES =
      Map.of(
          VisionRole.PATCHES, PATCHES,
          VisionRole.POSITIONS, "v.position_embd",
          VisionRole.PROJECTOR_UP, "mm.0",
          VisionRole.PROJECTOR_DOWN, "mm.2");

  /** And those of a layer. */
  private static final Map<VisionRole, String> LAYER_MODULES =
      Map.of(
          VisionRole.ATTENTION_NORM, "ln1",
          VisionRole.FFN_NORM, "ln2",
          VisionRole.FFN_UP, "ffn_up",
          VisionRole.FFN_DOWN, "ffn_down",
          VisionRole.ATTENTION_Q, "attn_q",
          VisionRole.ATTENTION_K, "attn_k",
          VisionRole.ATTENTION_V, "attn_v",
          VisionRole.ATTENTION_OUTPUT, "attn_out");

  private final Recipe type;
  private final Config vision;
  private final Map<String, Weight> weights;
  private final int patch;
  private final Map<String, GgufValue> metadata = new LinkedHashMap<>();

  private Mmproj(Recipe type, Config vision, Map<String, Weight> weights, int patch) {
    this.type = type;
    this.vision = vision;
    this.weights = weights;
    this.patch = patch;
  }

  /** Whether a checkpoint has an encoder that llama.cpp can run. */
  static boolean isIn(Checkpoint checkpoint) {
    return checkpoint.tensors().keySet().stream().anyMatch(KIND::isIn);
  }

  /**
   * The file that the options ask for, if they do.
   *
   * @throws PhialException.Unsupported if the model has no encoder that llama.cpp can run
   * @throws PhialException.BadInput if the encoder is not what config.json says
   */
  static Optional<Mmproj> of(Request request, GgufOptions options) {
    Optional<Recipe> type = options.mmproj();
    if (type.isEmpty()) {
      return Optional.empty();
    }
    Checkpoint checkpoint = request.checkpoint();
    if (!isIn(checkpoint)) {
      throw new PhialException.Unsupported(
          "%s: --%s writes the encoder of Phi-4-reasoning-vision, the only Phi whose encoder llama.cpp runs, and found none; omit it"
              .formatted(checkpoint.path(), GgufOptions.MMPROJ));
    }
    if (request.keeps()) {
      throw new PhialException.Usage(
          "--%s: expected an encoder that may be converted, found --carry; omit one of them"
              .formatted(GgufOptions.MMPROJ));
    }
    Folder folder = checkpoint.folder().orElseThrow();
    Config config = folder.json("config.json").orElseThrow(); // the request has the text model's
    Config images =
        need(folder.json("preprocessor_config.json"), folder, "preprocessor_config.json");
    Config vision = need(config.object("vision_config"), folder, "vision_config in config.json");
    Mmproj mmproj =
        new Mmproj(type.get(), vision, weights(checkpoint, vision), images.count("patch_size"));
    mmproj.describe(request, folder, config, images, options);
    return Optional.of(mmproj);
  }

  private static Config need(Optional<Config> found, Folder folder, String what) {
    return found.orElseThrow(() ->
        new PhialException.BadInput(
            "%s: expected %s, which tells what the encoder takes, found none; download it again"
                .formatted(folder.path(), what)));
  }

  /** By their names in GGUF, in the order of the checkpoint. */
  private static Map<String, Weight> weights(Checkpoint checkpoint, Config vision) {
    int layers = vision.count("num_hidden_layers");
    Map<String, Weight> weights = new LinkedHashMap<>();
    for (Tensor tensor : checkpoint.tensors().values()) {
      String name = tensor.name();
      if (KIND.isUnused(name) || !KIND.isIn(name) && !name.startsWith(PROJECTOR)) {
        continue;
      }
      Vision.Address address = KIND.address(name).orElseThrow(() -> unknown(tensor));
      Optional<String> module = module(address);
      if (module.isEmpty() || !name.endsWith(address.part().suffix())) {
        throw unknown(tensor);
      }
      if (address.layer() >= layers) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected %d layers, which is what vision_config says, found more"
                .formatted(tensor.file(), name, layers));
      }
      if (address.layer() < layers - 1) {
        add(weights, module.get(), address.layer(), address.part(), tensor);
      }
    }
    check(checkpoint, weights, layers);
    return weights;
  }

  /** What llama.cpp calls it, if it knows it. */
  private static Optional<String> module(Vision.Address address) {
    return address.layer() < 0
        ? Optional.ofNullable(MODULES.get(address.role()))
        : Optional.ofNullable(LAYER_MODULES.get(address.role()))
            .map(name -> "v.blk.%d.%s".formatted(address.layer(), name));
  }

  private static PhialException unknown(Tensor tensor) {
    return new PhialException.BadInput(
        "%s: tensor %s: expected the parameters of SigLIP2 and of a projector, found one that has no place in them"
            .formatted(tensor.file(), tensor.name()));
  }

  private static void add(
      Map<String, Weight> to, String module, int layer, Part part, Tensor tensor) {
    Role role = module.startsWith("mm.") ? Role.PROJECTOR : Role.VISION;
    String stem = tensor.name().substring(0, tensor.name().length() - part.suffix().length());
    TensorName name = new TensorName(role, stem, module, h -> tensor.shape());
    to.put(module + part.suffix(), new Weight(name, layer, part, tensor.shape(), List.of(tensor)));
  }

  private static void check(Checkpoint checkpoint, Map<String, Weight> weights, int layers) {
    List<String> modules = new ArrayList<>(MODULES.values());
    for (int layer = 0; layer < layers - 1; layer++) {
      for (String module : LAYER_MODULES.values()) {
        modules.add("v.blk.%d.%s".formatted(layer, module));
      }
    }
    for (String module : modules) {
      if (!weights.containsKey(module + Part.WEIGHT.suffix())) {
        throw new PhialException.BadInput(
            "%s: expected the parameter of the encoder that llama.cpp calls %s, found none; is a shard missing?"
                .formatted(checkpoint.path(), module));
      }
    }
    if (layers < 2) {
      throw new PhialException.BadInput(
          "%s: expected an encoder of at least two layers, since the last is not used, found %d"
              .formatted(checkpoint.path(), layers));
    }
  }

  private void describe(
      Request request, Folder folder, Config config, Config images, GgufOptions options) {
    checkShapes(request.model().hyperparameters().hidden());
    long elements = weights.values().stream().mapToLong(weight -> weight.shape().elements()).sum();
    metadata.put("general.architecture", new GgufValue.Text("clip"));
    metadata.put("general.type", new GgufValue.Text("mmproj"));
    metadata.putAll(
        GeneralMetadata.of(
            folder,
            elements,
            options.value("metadata").map(Path::of),
            options.value("model-name"),
            SizeLabel.of(elements, elements, 0, 0)));
    metadata.put("general.file_type", GgufValue.uint32(type.fileType()));
    metadata.put("clip.has_vision_encoder", new GgufValue.Flag(true));
    count("projection_dim", request.model().hyperparameters().hidden());
    count("image_size", side() * patch);
    count("patch_size", patch);
    count("embedding_length", vision.count("hidden_size"));
    count("feed_forward_length", vision.count("intermediate_size"));
    count("block_count", vision.count("num_hidden_layers") - 1L);
    count("attention.head_count", vision.count("num_attention_heads"));
    metadata.put("clip.vision.image_mean", numbers(images, "image_mean"));
    metadata.put("clip.vision.image_std", numbers(images, "image_std"));
    metadata.put("clip.projector_type", new GgufValue.Text("phi4"));
    count("image_min_pixels", pixels(images, config, "min_num_patches"));
    count("image_max_pixels", pixels(images, config, "max_num_patches"));
    metadata.put("clip.use_gelu", new GgufValue.Flag(true));
    metadata.put(
        "clip.vision.attention.layer_norm_epsilon",
        GgufValue.float32(vision.number("layer_norm_eps", 1e-6)));
    metadata.put("general.quantization_version", GgufValue.uint32(Converted.QUANTIZATION_VERSION));
    checkPatches();
  }

  /** Whether its parameters have the sizes that the file will tell. */
  private void checkShapes(int text) {
    int width = vision.count("hidden_size");
    int inner = vision.count("intermediate_size");
    weights.forEach((name, weight) -> {
      String module =
          name.replaceFirst("\\.(weight|bias)$", "").replaceFirst("^v\\.blk\\.\\d+\\.", "");
      Shape matrix =
          switch (module) {
            case PATCHES -> Shape.of(width, weight.shape().columns());
            case "v.position_embd" -> Shape.of(weight.shape().rows(), width);
            case "mm.0" -> Shape.of(text, width);
            case "mm.2" -> Shape.of(text, text);
            case "ffn_up" -> Shape.of(inner, width);
            case "ffn_down" -> Shape.of(width, inner);
            case "ln1", "ln2" -> Shape.of(width);
            default -> Shape.of(width, width);
          };
      Shape expected =
          weight.part() == Part.WEIGHT ? matrix : Shape.of(matrix.dimensions().getFirst());
      if (!weight.shape().equals(expected)) {
        Tensor tensor = weight.slices().getFirst();
        throw new PhialException.BadInput(
            "%s: tensor %s: expected shape %s, which is what config.json says, found %s"
                .formatted(tensor.file(), tensor.name(), expected, tensor.shape()));
      }
    });
  }

  private void count(String key, long value) {
    metadata.put("clip.vision." + key, GgufValue.uint32(value));
  }

  private Weight weight(String name) {
    return Objects.requireNonNull(weights.get(name));
  }

  /** Of the square of patches whose positions are known. */
  private long side() {
    Tensor positions = weight("v.position_embd.weight").slices().getFirst();
    long side = (long) Math.sqrt((double) positions.shape().rows());
    if (positions.shape().rank() != 2 || side * side != positions.shape().rows()) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected the positions of a square of patches, found shape %s"
              .formatted(positions.file(), positions.name(), positions.shape()));
    }
    return side;
  }

  private long pixels(Config images, Config config, String key) {
    return (long) images.optionalCount(key).orElseGet(() -> config.count(key)) * patch * patch;
  }

  private static GgufValue numbers(Config images, String key) {
    List<Double> values = images.numbers(key);
    if (values.size() != 3) {
      throw new PhialException.BadInput(
          "%s: expected three numbers in field %s, found %s"
              .formatted(images.file(), key, values.size()));
    }
    ByteBuffer bytes =
        ByteBuffer.allocate(values.size() * Float.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    values.forEach(value -> bytes.putFloat(value.floatValue()));
    return new GgufValue.Numbers(GgufType.FLOAT32, bytes.array());
  }

  private void checkPatches() {
    Tensor patches = weight(PATCHES + ".weight").slices().getFirst();
    if (patches.shape().rank() != 2 || patches.shape().columns() % ((long) patch * patch) != 0) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected rows of %d × %d pixels, which is what preprocessor_config.json says, found shape %s"
              .formatted(patches.file(), patches.name(), patch, patch, patches.shape()));
    }
  }

  private static String suffix(Recipe type) {
    return "-mmproj-" + type.name().toLowerCase(Locale.ROOT);
  }

  /**
   * Where the file lies.
   *
   * @param path of the model or the first of its files, in quotes if need be
   */
  static String beside(String path, Recipe type) {
    return path.replaceFirst("(-00001-of-[0-9]{5})?(\\.gguf)?('?)$", suffix(type) + ".gguf$3");
  }

  /** Lays it down beside the model. */
  void addTo(Layout.Builder builder) {
    String file = suffix(type);
    List<PlannedTensor> tensors = new ArrayList<>();
    weights.forEach(
        (name, weight) -> tensors.add(PlannedTensor.of(name, weight, format(name, weight))));
    byte[] header =
        GgufHeader.bytes(
            metadata,
            tensors.stream()
                .map(tensor ->
                    new GgufHeader.Entry(
                        tensor.name(),
                        isPatches(tensor.name()) ? channels(tensor.shape()) : tensor.shape(),
                        ((GgmlFormat) tensor.format()).id(),
                        GgufLayout.padded(tensor)))
                .toList());
    builder.file(file, header);
    long offset = header.length;
    for (PlannedTensor tensor : tensors) {
      Slot slot = Slot.of(tensor.name(), tensor.bytes());
      builder
          .place(slot, file, offset)
          .region(
              tensor,
              isPatches(tensor.name())
                  ? new Patches(tensor, slot, patch)
                  : RowStore.of(tensor, slot));
      GgufFiles.pad(builder, tensor, file, offset);
      offset += GgufLayout.padded(tensor);
    }
  }

  private static boolean isPatches(String name) {
    return name.equals(PATCHES + Part.WEIGHT.suffix());
  }

  /** {@code [out, patch, patch, channels]} as {@code [out, channels, patch, patch]}. */
  private Shape channels(Shape rows) {
    return Shape.of(rows.rows(), rows.columns() / patch / patch, patch, patch);
  }

  /** Vectors and positions stay in single precision; patches must be what its kernels take. */
  private GgmlFormat format(String name, Weight weight) {
    if (weight.shape().rank() < 2 || name.startsWith("v.position_embd")) {
      return Formats.F32;
    }
    if (isPatches(name)) {
      return type == Recipe.F16 ? Formats.F16 : Formats.F32;
    }
    return weight.shape().columns() % type.base().blockSize() == 0 ? type.base() : Formats.F16;
  }
}
