package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/**
 * A folder in the layout of the Hugging Face hub: config.json, one or several weight files with an
 * index, tokenizer files. A folder of ONNX Runtime GenAI or OpenVINO is read as if it were one.
 */
public final class HuggingFace implements Checkpoint {
  static final String SAFETENSORS = ".safetensors";
  private static final String SAFETENSORS_INDEX = "model.safetensors.index.json";
  static final String TORCH = ".bin";
  private static final String TORCH_INDEX = "pytorch_model.bin.index.json";

  private static final Pattern COMPANION =
      Pattern.compile(
          "tokenizer\\.(json|model)|(tokenizer|generation)_config\\.json|(special_tokens_map|added_tokens|vocab)\\.json|merges\\.txt|chat_template\\.(json|jinja)|.*\\.(tiktoken|py)");

  private final Path path;
  private final Config config;
  private final Arena arena;
  private final List<Path> files;
  private final Map<String, Tensor> tensors;
  private Map<Path, String> hashes = Map.of(); // when they have been asked for
  private final String kind;
  private final Optional<OnnxFolder> onnx;
  private final Optional<Checkpoint> weights; // if they come from elsewhere

  private HuggingFace(
      Path path,
      Config config,
      Arena arena,
      List<Path> files,
      Map<String, Tensor> tensors,
      String kind,
      Optional<OnnxFolder> onnx) {
    this(path, config, arena, files, tensors, kind, onnx, Optional.empty());
  }

  private HuggingFace(
      Path path,
      Config config,
      Arena arena,
      List<Path> files,
      Map<String, Tensor> tensors,
      String kind,
      Optional<OnnxFolder> onnx,
      Optional<Checkpoint> weights) {
    this.path = path;
    this.config = config;
    this.arena = arena;
    this.files = List.copyOf(files);
    this.tensors = Collections.unmodifiableMap(tensors);
    this.kind = kind;
    this.onnx = onnx;
    this.weights = weights;
  }

  /**
   * Opens a folder; only headers are read.
   *
   * @throws PhialException.BadInput if a file is missing or damaged
   */
  public static HuggingFace open(Path folder) {
    Arena arena = Arena.ofShared();
    try {
      if (isOnnx(folder)) {
        OnnxFolder onnx = OnnxFolder.read(folder, arena);
        return new HuggingFace(
            folder, onnx.config(), arena, onnx.files(), onnx.tensors(), "onnx", Optional.of(onnx));
      }
      if (isOpenvino(folder)) {
        OpenvinoFolder openvino = OpenvinoFolder.read(folder, arena);
        return new HuggingFace(
            folder,
            openvino.config(),
            arena,
            openvino.files(),
            openvino.tensors(),
            "openvino",
            Optional.empty());
      }
      Config config = Config.read(folder.resolve("config.json"));
      boolean isSafetensors = isSafetensors(folder);
      Optional<ShardIndex> index = index(folder, isSafetensors);
      List<Path> files = weightFiles(folder, isSafetensors, index);
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (Path file : files) {
        Map<String, Tensor> shard =
            isSafetensors ? Safetensors.read(file, arena) : TorchPickle.read(file, arena);
        shard.values().forEach(tensor -> add(tensors, tensor));
      }
      index.ifPresent(i -> i.check(tensors.keySet()));
      return new HuggingFace(
          folder,
          config,
          arena,
          files,
          scaled(folder, config, tensors),
          MlxWeights.quantization(config).isPresent() ? "mlx" : "huggingface",
          Optional.empty());
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /**
   * A model with what lies beside the checkpoint it was made from: configuration and tokenizer.
   * Weights of that folder are not looked at, and need not be there.
   *
   * @param tied whether the model has one matrix for input and output, whatever the checkpoint had
   * @throws PhialException.BadInput if the folder has no config.json
   */
  public static HuggingFace around(Checkpoint weights, boolean tied, Path folder) {
    Config config = Config.read(folder.resolve("config.json"));
    if (config.flag("tie_word_embeddings", !tied) != tied) {
      ObjectNode json = (ObjectNode) config.json().deepCopy();
      config = new Config(config.file(), json.put("tie_word_embeddings", tied));
    }
    return new HuggingFace(
        folder,
        config,
        Arena.ofAuto(),
        weights.files(),
        weights.tensors(),
        weights.kind(),
        Optional.empty(),
        Optional.of(weights));
  }

  /** What the tensors come from, if that is something else than this folder. */
  public Optional<Checkpoint> weights() {
    return weights;
  }

  public Config config() {
    return config;
  }

  /** config.json without what it says about how weights were quantized here. */
  public ObjectNode plainConfig() {
    ObjectNode json = (ObjectNode) config.json().deepCopy();
    json.remove(List.of("quantization", "quantization_config"));
    return json;
  }

  /** Whether it is a folder of ONNX Runtime GenAI; tensors then have the names of its graph. */
  public boolean isOnnx() {
    return weights.isEmpty() && kind.equals("onnx");
  }

  /** What is rounded between the layers, in a folder that says so. */
  public Map<ActivationPlace, ActivationCodes> activations() {
    return onnx.map(OnnxFolder::activations).orElse(Map.of());
  }

  /** Whether it is a folder that was made for a runtime, which takes tokenizer.json alone. */
  public boolean isRuntime() {
    return weights.isEmpty() && (kind.equals("onnx") || kind.equals("openvino"));
  }

  /** The type of the weights by its name in transformers, if config.json tells it. */
  public Optional<String> dtype() {
    return config.text("torch_dtype").or(() -> config.text("dtype")); // transformers 5
  }

  /** A file of the folder, if it is there. */
  public Optional<Path> file(String name) {
    Path file = path.resolve(name);
    return Files.isRegularFile(file) ? Optional.of(Links.checked(path, file)) : Optional.empty();
  }

  /** What lies beside weights and configuration and goes with them: the tokenizer, code. */
  public List<Path> companions() {
    try (Stream<Path> found = Files.list(path)) {
      return found
          .filter(file -> COMPANION.matcher(file.getFileName().toString()).matches())
          .filter(Files::isRegularFile)
          .map(file -> Links.checked(path, file))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    }
  }

  /** A JSON file of the folder, if it is there. */
  public Optional<Config> json(String name) {
    return file(name)
        .map(Config::read)
        .or(() ->
            name.equals("generation_config.json")
                ? onnx.map(OnnxFolder::generation)
                : Optional.empty());
  }

  @Override
  public Path path() {
    return path;
  }

  /**
   * The name of the folder; for {@code snapshots/HASH} in a hub cache that is the hash, which is
   * what converters use.
   */
  @Override
  public String name() {
    if (weights.isPresent()) {
      return weights.get().name();
    }
    try {
      Path last = path.toRealPath().getFileName();
      return last == null ? "model" : last.toString(); // the root of a disk has no name
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    }
  }

  @Override
  public String kind() {
    return kind;
  }

  @Override
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  @Override
  public List<Path> files() {
    return files;
  }

  @Override
  public synchronized Map<Path, String> hashes() {
    if (hashes.isEmpty()) {
      hashes = Sha256.of(files);
    }
    return hashes;
  }

  @Override
  public void close() {
    if (weights.isPresent()) {
      weights.get().close();
    } else {
      arena.close();
    }
  }

  /** Whether there is a folder of this layout at a path, or one of ONNX Runtime GenAI. */
  static boolean isAt(Path folder) {
    return Files.isRegularFile(folder.resolve("config.json")) || OnnxFolder.isAt(folder);
  }

  private static boolean isOnnx(Path folder) {
    return OnnxFolder.isAt(folder) && !hasWeights(folder);
  }

  private static boolean isOpenvino(Path folder) {
    return OpenvinoFolder.isAt(folder) && !hasWeights(folder);
  }

  private static boolean hasWeights(Path folder) {
    return isSafetensors(folder) || !list(folder, "pytorch_model", TORCH).isEmpty();
  }

  /** Safetensors are preferred where both are there, as everywhere else. */
  private static boolean isSafetensors(Path folder) {
    return !list(folder, "model", SAFETENSORS).isEmpty()
        || Files.isRegularFile(folder.resolve(SAFETENSORS_INDEX));
  }

  private static Optional<ShardIndex> index(Path folder, boolean isSafetensors) {
    return isSafetensors
        ? ShardIndex.read(folder.resolve(SAFETENSORS_INDEX), SAFETENSORS)
        : ShardIndex.read(folder.resolve(TORCH_INDEX), TORCH);
  }

  /**
   * The shards in the order in which their tensors count: those the index names, else those that
   * look like weights.
   */
  private static List<Path> weightFiles(
      Path folder, boolean isSafetensors, Optional<ShardIndex> index) {
    List<String> names =
        index
            .map(ShardIndex::fileNames)
            .orElseGet(() ->
                isSafetensors
                    ? list(folder, "model", SAFETENSORS)
                    : list(folder, "pytorch_model", TORCH));
    if (names.isEmpty()) {
      throw Refusal.bad(
          folder,
          "expected model*.safetensors or pytorch_model*.bin, found neither; was the download completed?");
    }
    for (String name : names) {
      if (!Files.isRegularFile(folder.resolve(name))) {
        throw Refusal.bad(
            folder, "expected the weights %s, found no such file; download it again", name);
      }
    }
    return names.stream().map(folder::resolve).toList();
  }

  /** The tensors with their scales, if config.json says that they are quantized. */
  private static Map<String, Tensor> scaled(
      Path folder, Config config, Map<String, Tensor> tensors) {
    Optional<Config> mlx = MlxWeights.quantization(config);
    if (mlx.isPresent()) {
      return MlxWeights.attach(mlx.get(), tensors);
    }
    return quantization(folder, config)
        .map(found -> ScaledWeights.attach(found, tensors))
        .orElse(tensors);
  }

  /** Where exporters say how they quantized; ModelOpt's first ones had a file for it. */
  private static Optional<Config> quantization(Path folder, Config config) {
    Path modelOpt = folder.resolve("hf_quant_config.json");
    return config
        .object("quantization_config")
        .or(() -> config.object("compression_config"))
        .filter(found -> !found.json().isEmpty())
        .or(() ->
            Files.isRegularFile(modelOpt)
                ? Config.read(modelOpt).object("quantization")
                : Optional.empty());
  }

  private static void add(Map<String, Tensor> tensors, Tensor tensor) {
    Tensor other = tensors.putIfAbsent(tensor.name(), tensor);
    if (other != null) {
      throw Refusal.bad(
          tensor.file(),
          "tensor %s: expected it in one file, found it in %s too; remove the file that is left over",
          tensor.name(),
          other.file());
    }
  }

  private static List<String> list(Path folder, String prefix, String suffix) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith(prefix) && name.endsWith(suffix))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw Json.unreadable(folder, e);
    }
  }
}
