package dev.phial.targets.gguf;

import dev.phial.model.Hyperparameters;
import dev.phial.source.GgufValue;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * The keys that give llama.cpp the shape of a model, in the order in which its converter writes
 * them.
 */
final class ArchitectureMetadata {
  private ArchitectureMetadata() {}

  /**
   * @param architecture llama.cpp's name for it, the prefix of the keys
   * @param fileType stands among them in the reference
   */
  static Map<String, GgufValue> of(String architecture, Hyperparameters h, int fileType) {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    String prefix = architecture + ".";
    boolean phi2 = architecture.equals("phi2");
    values.put(prefix + "context_length", GgufValue.uint32(h.context()));
    if (!phi2) {
      values.put(
          prefix + "rope.scaling.original_context_length",
          GgufValue.uint32(h.rope().originalContext()));
    }
    values.put(prefix + "embedding_length", GgufValue.uint32(h.hidden()));
    values.put(
        prefix + "feed_forward_length", GgufValue.uint32(phi2 ? 4L * h.hidden() : h.feedForward()));
    values.put(prefix + "block_count", GgufValue.uint32(h.layers()));
    values.put(prefix + "attention.head_count", GgufValue.uint32(h.attention().heads()));
    values.put(
        prefix + "attention.head_count_kv",
        GgufValue.uint32(phi2 ? h.attention().heads() : h.attention().keyValueHeads()));
    values.put(
        prefix + (phi2 ? "attention.layer_norm_epsilon" : "attention.layer_norm_rms_epsilon"),
        GgufValue.float32(h.normEpsilon()));
    // of heads that share the width, as the converter takes all to be
    long rotated = (long) h.rope().dimensions() * h.hidden() / h.attention().querySize();
    values.put(prefix + "rope.dimension_count", GgufValue.uint32(rotated));
    if (!phi2) {
      values.put(prefix + "rope.freq_base", GgufValue.float32(h.rope().theta()));
    }
    values.put("general.file_type", GgufValue.uint32(fileType));
    if (phi2) {
      values.put("tokenizer.ggml.add_bos_token", new GgufValue.Flag(false));
    } else {
      values.put(
          prefix + "attention.sliding_window",
          GgufValue.uint32(h.attention().slidingWindow().orElse(0)));
    }
    if (h.experts().count() > 0) {
      values.put(prefix + "expert_used_count", GgufValue.uint32(h.experts().used()));
      values.put(prefix + "expert_count", GgufValue.uint32(h.experts().count()));
    }
    return values;
  }
}
