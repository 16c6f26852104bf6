package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * A folder in the layout of the Hugging Face hub: config.json, safetensors or PyTorch files,
 * tokenizer files.
 */
final class HubFolder implements Source {
  @Override
  public boolean isAt(Path path) {
    return Files.isRegularFile(path.resolve("config.json"));
  }

  @Override
  public Checkpoint read(Path path, Arena arena) {
    Folder folder = Folder.read(path);
    HubFiles files = HubFiles.read(path, arena);
    return Checkpoint.of(
        "huggingface",
        folder,
        new Weights(
            arena,
            files.files(),
            scaled(folder.config(), path, files.tensors()),
            Naming.TRANSFORMERS));
  }

  /** The tensors with their scales, if config.json says that they are quantized. */
  private static Map<String, Tensor> scaled(
      Config config, Path folder, Map<String, Tensor> tensors) {
    return quantization(config, folder)
        .map(found -> ScaledWeights.attach(found, tensors))
        .orElse(tensors);
  }

  /** Where exporters say how they quantized; ModelOpt's first ones had a file for it. */
  private static Optional<Config> quantization(Config config, Path folder) {
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
}
