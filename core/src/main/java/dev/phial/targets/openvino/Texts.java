package dev.phial.targets.openvino;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.source.Folder;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The small files around the graph. */
final class Texts {
  private static final int INDENT = 2;

  private Texts() {}

  static Map<String, byte[]> of(Folder folder, OpenvinoOptions options) {
    Map<String, byte[]> texts = new LinkedHashMap<>();
    texts.put("config.json", PythonJson.dump(folder.plainConfig(), INDENT));
    if (folder.file("generation_config.json").isEmpty()) {
      texts.put(
          "generation_config.json", PythonJson.dump(generation(folder.config().json()), INDENT));
    }
    texts.putAll(TokenizerGraphs.of(folder));
    texts.put("openvino_config.json", PythonJson.dump(openvino(options), INDENT));
    return texts;
  }

  /** What the configuration says about generating, as transformers takes it over. */
  private static ObjectNode generation(JsonNode config) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("_from_model_config", true);
    for (String key : new String[] {"bos_token_id", "eos_token_id", "pad_token_id"}) {
      Optional.ofNullable(config.get(key))
          .filter(id -> !id.isNull())
          .ifPresent(id -> result.set(key, id));
    }
    return result;
  }

  private static ObjectNode openvino(OpenvinoOptions options) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put(
        "dtype",
        switch (options.precision()) {
          case FP16, FP32 -> options.precision().label();
          default -> "";
        });
    return result;
  }
}
