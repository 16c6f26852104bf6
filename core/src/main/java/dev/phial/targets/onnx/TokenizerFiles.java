package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.io.PythonJson;
import dev.phial.source.ChatTemplates;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.TextFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The tokenizer as ONNX Runtime GenAI reads it: the checkpoint's own, in its newest layout. */
final class TokenizerFiles {
  private static final String TOKENIZER = "tokenizer.json";
  private static final String CONFIG = "tokenizer_config.json";
  private static final String TEMPLATE = "chat_template.jinja";

  private TokenizerFiles() {}

  /**
   * Names and contents.
   *
   * @param context longest text
   * @throws PhialException.BadInput if the checkpoint has no tokenizer.json
   */
  static Map<String, byte[]> of(Folder folder, int context) {
    Map<String, byte[]> files = new LinkedHashMap<>();
    Path tokenizer =
        folder
            .file(TOKENIZER)
            .orElseThrow(() ->
                new PhialException.BadInput(
                    "%s: expected %s, which ONNX Runtime GenAI reads, found none; save the tokenizer with transformers"
                        .formatted(folder.path(), TOKENIZER)));
    Optional<Config> config = folder.json(CONFIG);
    ChatTemplates.of(folder)
        .chosen()
        .ifPresent(text -> files.put(TEMPLATE, text.getBytes(StandardCharsets.UTF_8)));
    files.put(TOKENIZER, TextFile.read(tokenizer).getBytes(StandardCharsets.UTF_8));
    config.ifPresent(c -> files.put(CONFIG, PythonJson.dump(configured(c.json(), context), 2)));
    return files;
  }

  /** What tokenizer.json and the template say is not said twice. */
  private static ObjectNode configured(JsonNode config, int context) {
    ObjectNode result = ((ObjectNode) config).deepCopy();
    result.remove("chat_template");
    result.remove("added_tokens_decoder");
    result.put("model_max_length", context);
    return result;
  }
}
