package dev.phial.source;

import dev.phial.io.Json;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/** The Phi-3 within a model that sees or hears, as a config.json of its own would describe it. */
final class TextModel {
  /** What config.json says of a Phi-3; the rest is about encoders, adapters and their code. */
  private static final Set<String> KEYS =
      Set.of(
          "attention_bias",
          "attention_dropout",
          "bos_token_id",
          "dtype",
          "embd_pdrop",
          "eos_token_id",
          "head_dim",
          "hidden_act",
          "hidden_size",
          "initializer_range",
          "intermediate_size",
          "max_position_embeddings",
          "num_attention_heads",
          "num_hidden_layers",
          "num_key_value_heads",
          "original_max_position_embeddings",
          "pad_token_id",
          "partial_rotary_factor",
          "quantization",
          "quantization_config",
          "resid_pdrop",
          "rms_norm_eps",
          "rope_parameters",
          "rope_scaling",
          "rope_theta",
          "sliding_window",
          "tie_word_embeddings",
          "torch_dtype",
          "transformers_version",
          "use_cache",
          "vocab_size");

  private TextModel() {}

  /** What to say of a folder for a runtime of which no more is read. */
  static String note(Path path) {
    return "%s: its text model alone is read, without the encoder of images".formatted(path);
  }

  static Folder of(Folder folder) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.putArray("architectures").add("Phi3ForCausalLM");
    json.put("model_type", "phi3");
    for (Map.Entry<String, JsonNode> entry : folder.config().json().properties()) {
      if (KEYS.contains(entry.getKey())) {
        json.set(entry.getKey(), entry.getValue());
      }
    }
    return folder.with(new Config(folder.config().file(), json));
  }
}
