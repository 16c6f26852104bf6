package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A folder in the layout of the Hugging Face hub: config.json, safetensors or PyTorch files,
 * tokenizer files.
 */
final class HubFolder implements Source {
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String QUERIES = "model.layers.0.self_attn.q_proj.weight";
  private static final String OUTPUT = "lm_head.weight";

  /** Of Phi-4-reasoning-vision. */
  private static final String TOWER = "model.vision_tower.";

  /** Of Phi-4-multimodal. */
  private static final String SENSES = "model.embed_tokens_extend.";

  /** What Phi-3-vision, Phi-4-multimodal and Phi-4-reasoning-vision have besides a text model. */
  private static final List<String> ENCODERS = List.of("model.vision_embed_tokens.", SENSES, TOWER);

  @Override
  public boolean isAt(Path path) {
    return Files.isRegularFile(path.resolve("config.json"));
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    return read(path, arena, Optional.empty());
  }

  /**
   * @param arrivals what brings the weights, if they are not here
   */
  Checkpoint read(Path path, Arena arena, Optional<Arrivals> arrivals) {
    Folder folder = Folder.read(path);
    if (arrivals.isPresent() && Quantization.of(folder.config(), path).isPresent()) {
      throw quantized(path);
    }
    HubFiles files = HubFiles.read(path, arena, arrivals);
    List<String> notes = new ArrayList<>(files.notes());
    Adapter.note(path).ifPresent(notes::add);
    Map<String, Tensor> tensors = scaled(folder.config(), path, files.tensors(), notes);
    if (arrivals.isPresent() && tensors.values().stream().anyMatch(Tensor::isHere)) {
      throw quantized(path);
    }
    if (Llama.isIn(folder.config(), tensors)) {
      tensors = Llama.fused(folder, tensors);
      folder = Llama.asPhi3(folder);
      notes.add(Llama.note(path));
    } else if (SplitProjections.areInPhi3(folder.config(), tensors)) {
      tensors = SplitProjections.fused(tensors);
      notes.add(SplitProjections.note(path));
    }
    folder = withHeads(folder, tensors);
    if (folder.config().flag("tie_word_embeddings", false) && hasOwnOutput(tensors)) {
      folder = folder.tied(false);
      notes.add(
          "%s: it ties the output matrix to the embedding, but %s differs from that; %s is used, as transformers does"
              .formatted(folder.config().file(), OUTPUT, OUTPUT));
    }
    encoders(path, tensors).ifPresent(notes::add);
    return Checkpoint.of(
            "huggingface",
            folder,
            new Weights(
                arena,
                files.files(),
                tensors,
                Naming.TRANSFORMERS,
                rounded(folder.config(), path, tensors),
                arrivals))
        .noting(notes);
  }

  /** What a scheme rounds as it comes, where weights are quantized in fact. */
  private static RoundedActivations rounded(
      Config config, Path folder, Map<String, Tensor> tensors) {
    return Quantization.of(config, folder)
        .filter(any -> !Quantization.isLeftOver(tensors))
        .flatMap(Quantization::inputs)
        .map(RoundedActivations::of)
        .orElse(RoundedActivations.NONE);
  }

  private static PhialException quantized(Path path) {
    return Refusal.unsupported(
        path,
        "expected weights as they were trained, which can be read while they arrive, found quantized ones; pull the model first");
  }

  /** What to say of encoders, if there are any. */
  private static Optional<String> encoders(Path path, Map<String, Tensor> tensors) {
    Optional<String> first =
        tensors.keySet().stream()
            .filter(name -> ENCODERS.stream().anyMatch(name::startsWith))
            .findFirst();
    return first.map(name ->
        "%s: its text model alone is %s; run shows it an image with --image"
            .formatted(
                path,
                name.startsWith(TOWER)
                    ? "run and converted, without its encoder of images; --to gguf with --mmproj writes that too"
                    : name.startsWith(SENSES)
                        ? "run and converted, without encoders of images and sound, and with the adapter that --adapter names, or none"
                        : "run and measured; --to onnx, openvino and mlx write its encoder of images too"));
  }

  /**
   * The folder with the width of a head, where only the weights tell that it is not an equal share
   * of the model's: what is written of it has to say so.
   */
  private static Folder withHeads(Folder folder, Map<String, Tensor> tensors) {
    Config config = folder.config();
    Tensor queries = tensors.get(QUERIES);
    Optional<Integer> heads = config.optionalCount("num_attention_heads");
    Optional<Integer> hidden = config.optionalCount("hidden_size");
    if (config.has("head_dim") || queries == null || heads.isEmpty() || hidden.isEmpty()) {
      return folder;
    }
    long rows = queries.shape().rows();
    return rows == hidden.get() || rows % heads.get() != 0 || rows > 1 << 24
        ? folder
        : folder.with(config.with("head_dim", (int) rows / heads.get()));
  }

  private static boolean hasOwnOutput(Map<String, Tensor> tensors) {
    Tensor embedding = tensors.get(EMBEDDING);
    Tensor output = tensors.get(OUTPUT);
    return embedding != null && output != null && !output.hasNumbersOf(embedding);
  }

  /** The tensors with their scales, if it is said that they are quantized, and they are. */
  private static Map<String, Tensor> scaled(
      Config config, Path folder, Map<String, Tensor> tensors, List<String> notes) {
    Optional<Config> quantization = Quantization.of(config, folder);
    if (quantization.isPresent() && Quantization.isLeftOver(tensors)) {
      notes.add(Quantization.note(quantization.get()));
      return tensors;
    }
    Map<String, Tensor> weights = TorchQuantizers.attach(config, quantization, tensors, notes);
    boolean arePacked = !weights.keySet().equals(tensors.keySet());
    return quantization.isPresent() && (!arePacked || ScaledWeights.areIn(weights))
        ? ScaledWeights.attach(quantization.get(), weights)
        : arePacked ? ScaledWeights.withoutActivations(weights) : weights;
  }
}
