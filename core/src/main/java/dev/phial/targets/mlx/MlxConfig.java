package dev.phial.targets.mlx;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.quant.MlxFormat;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * config.json as mlx_lm writes it ({@code save_config}): that of the checkpoint, sorted, with the
 * end-of-text tokens of generation_config.json and what was quantized how. A config.json that
 * mlx_lm would misread, because it follows a later schema than the published one, is put into that.
 */
final class MlxConfig {
  static final int INDENT = 4;

  /** What would not be true any more, or is of no use to the text model. */
  private static final List<String> DROPPED =
      List.of(
          "_name_or_path",
          "vision_config",
          "quantization",
          "quantization_config",
          "compression_config");

  private final ObjectNode config;

  private MlxConfig(ObjectNode config) {
    this.config = config;
  }

  /**
   * @param config that of the checkpoint
   */
  static byte[] of(
      Folder folder,
      ObjectNode config,
      String modelType,
      MlxSettings settings,
      List<MlxTensor> tensors) {
    MlxConfig result = new MlxConfig(config.deepCopy());
    result.config.remove(DROPPED);
    result.config.put("model_type", modelType);
    folder
        .json("generation_config.json")
        .map(Config::json)
        .map(json -> json.path("eos_token_id"))
        .filter(MlxConfig::isTrue)
        .ifPresent(tokens -> result.config.set("eos_token_id", tokens));
    result.publish();
    result.addQuantization(settings, tensors);
    return result.sorted();
  }

  /** As Python decides it. */
  private static boolean isTrue(JsonNode json) {
    return json.isNumber() ? json.doubleValue() != 0 : json.isArray() && !json.isEmpty();
  }

  /** From the schema of transformers 5 to the one in which Phi checkpoints were published. */
  private void publish() {
    if (config.get("rope_parameters") instanceof ObjectNode rope && !config.has("rope_scaling")) {
      config.remove("rope_parameters");
      for (String key : List.of("rope_theta", "partial_rotary_factor")) {
        move(rope, key, key);
      }
      move(config, "dtype", "torch_dtype");
      JsonNode original = rope.get("original_max_position_embeddings");
      if (original != null && !config.has("original_max_position_embeddings")) {
        config.set("original_max_position_embeddings", original);
      }
      if (rope.has("long_factor")) {
        config.set("rope_scaling", rope);
      } else {
        config.putNull("rope_scaling");
      }
    }
    if (config.get("rope_scaling") instanceof ObjectNode scaling
        && scaling.has("rope_type")
        && !scaling.has("type")) {
      scaling.set("type", scaling.remove("rope_type"));
    }
  }

  private void move(ObjectNode from, String key, String name) {
    JsonNode value = from.remove(key);
    if (value != null) {
      config.set(name, value);
    }
  }

  private void addQuantization(MlxSettings settings, List<MlxTensor> tensors) {
    boolean carries = tensors.stream().anyMatch(tensor -> tensor.recoding().isPresent());
    Optional<MlxFormat> usual =
        carries
            ? usual(tensors)
            : tensors.stream().findFirst().flatMap(tensor -> settings.format(tensor.number()));
    if (usual.isEmpty()) {
      return;
    }
    ObjectNode quantization = Json.MAPPER.createObjectNode();
    quantization
        .put("group_size", usual.get().blockSize())
        .put("bits", usual.get().bits())
        .put("mode", usual.get().mode());
    if (settings.mixture().isEmpty() && (carries || !settings.single().isEmpty())) {
      for (MlxTensor tensor : tensors) {
        tensor
            .quantized()
            .filter(format -> !format.equals(usual.get()))
            .ifPresent(format ->
                quantization
                    .putObject(tensor.path())
                    .put("group_size", format.blockSize())
                    .put("bits", format.bits())
                    .put("mode", format.mode()));
      }
    } else if (settings.mixture().isPresent()) {
      for (MlxTensor tensor : tensors) {
        tensor
            .quantized()
            .ifPresent(format ->
                quantization
                    .putObject(tensor.path())
                    .put("group_size", settings.groupSize().orElse(null))
                    .put("bits", format.bits())
                    .put("mode", format.mode()));
      }
    }
    config.set("quantization", quantization);
    config.set("quantization_config", quantization);
  }

  /** The type of most weights. */
  private static Optional<MlxFormat> usual(List<MlxTensor> tensors) {
    Map<MlxFormat, Long> elements = new LinkedHashMap<>();
    for (MlxTensor tensor : tensors) {
      tensor
          .quantized()
          .ifPresent(
              format -> elements.merge(format, tensor.weight().shape().elements(), Long::sum));
    }
    return elements.entrySet().stream().max(Map.Entry.comparingByValue()).map(Map.Entry::getKey);
  }

  private byte[] sorted() {
    ObjectNode sorted = Json.MAPPER.createObjectNode();
    config
        .propertyStream()
        .sorted(Map.Entry.comparingByKey())
        .forEach(entry -> sorted.set(entry.getKey(), entry.getValue()));
    return PythonJson.dump(sorted, INDENT);
  }
}
