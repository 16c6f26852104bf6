package dev.phial.source;

import dev.phial.tensor.DType;
import dev.phial.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** What a folder says about how its weights were quantized, wherever exporters put that. */
final class Quantization {
  private static final String METHOD = "quant_method";
  private static final List<DType> FULL = List.of(DType.F32, DType.F16, DType.BF16);

  /** Files of their own that the first versions of tools wrote, and whose they are. */
  private static final Map<String, String> FILES =
      Map.of("quantize_config.json", "gptq", "quant_config.json", "awq");

  private Quantization() {}

  static Optional<Config> of(Config config, Path folder) {
    Path modelOpt = folder.resolve("hf_quant_config.json");
    return config
        .object("quantization_config")
        .or(() -> config.object("compression_config"))
        .filter(found -> !found.json().isEmpty())
        .or(() ->
            Files.isRegularFile(modelOpt)
                ? Config.read(modelOpt).object("quantization")
                : Optional.empty())
        .or(() -> ofOwnFile(folder));
  }

  private static Optional<Config> ofOwnFile(Path folder) {
    return FILES.keySet().stream()
        .sorted()
        .filter(name -> Files.isRegularFile(folder.resolve(name)))
        .findFirst()
        .map(name -> {
          Config config = Config.read(folder.resolve(name));
          return config.has(METHOD) ? config : config.with(METHOD, FILES.getOrDefault(name, ""));
        });
  }

  /** Whether no tensor is of a type that holds quantized numbers. */
  static boolean isLeftOver(Map<String, Tensor> tensors) {
    return !tensors.isEmpty()
        && tensors.values().stream().allMatch(tensor -> FULL.contains(tensor.encoding()))
        && tensors.keySet().stream().noneMatch(ScaledWeights::isScale);
  }

  /** What to say where weights are full that should be quantized. */
  static String note(Config quantization) {
    return "%s: it says that the weights are quantized%s, but all of them are full; they are read as they are"
        .formatted(
            quantization.file(),
            quantization.text(METHOD).map(method -> " with " + method).orElse(""));
  }
}
