package dev.phial.source;

import dev.phial.quant.activation.InputCodes;
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

  /** How the inputs of quantized layers are rounded as they come, if they all are in one way. */
  static Optional<InputCodes> inputs(Config quantization) {
    return switch (quantization.text(METHOD).orElse("")) {
      case "compressed-tensors" -> ofGroups(quantization);
      case "fbgemm_fp8" -> Optional.of(InputCodes.E4M3);
      case "fp8" ->
          quantization.text("activation_scheme").filter("dynamic"::equals).isPresent()
                  && quantization.has("weight_block_size")
              ? Optional.of(InputCodes.E4M3_G128)
              : Optional.empty();
      default -> Optional.empty();
    };
  }

  private static Optional<InputCodes> ofGroups(Config quantization) {
    List<Optional<InputCodes>> found =
        quantization.object("config_groups").stream()
            .flatMap(groups -> groups.json().propertyNames().stream().map(groups::object))
            .flatMap(Optional::stream)
            .map(group -> group.object("input_activations").flatMap(Quantization::ofGroup))
            .distinct()
            .toList();
    return found.size() == 1 ? found.getFirst() : Optional.empty();
  }

  private static Optional<InputCodes> ofGroup(Config inputs) {
    if (!inputs.flag("dynamic", false)
        || !inputs.flag("symmetric", true)
        || inputs.count("num_bits", Byte.SIZE) != Byte.SIZE) {
      return Optional.empty();
    }
    boolean isFloat = inputs.text("type").filter("float"::equals).isPresent();
    return switch (inputs.text("strategy").orElse("")) {
      case "token" -> Optional.of(isFloat ? InputCodes.E4M3 : InputCodes.INT8);
      case "group" ->
          isFloat && inputs.count("group_size", 0) == 128
              ? Optional.of(InputCodes.E4M3_G128)
              : Optional.empty();
      default -> Optional.empty();
    };
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
