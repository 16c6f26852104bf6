package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Phi-3, 3.5 or 4 that was rewritten as a Llama or Mistral, as some fine-tuning tools do: the
 * same decoder, with the fused projections taken apart. Put together again, it is a Phi-3.
 */
final class Llama {
  private static final List<String> ARCHITECTURES =
      List.of("LlamaForCausalLM", "MistralForCausalLM");

  /** What config.json must say, since the defaults of these classes are not Phi-3's. */
  private static final List<String> NEEDED =
      List.of(
          "hidden_size",
          "intermediate_size",
          "num_hidden_layers",
          "num_attention_heads",
          "num_key_value_heads",
          "vocab_size",
          "max_position_embeddings",
          "rms_norm_eps");

  private Llama() {}

  static boolean isIn(Config config, Map<String, Tensor> tensors) {
    return ARCHITECTURES.contains(config.json().path("architectures").path(0).stringValue(""))
        && tensors.containsKey("model.layers.0.self_attn.q_proj.weight");
  }

  static String note(Path path) {
    return path
        + ": a Llama or Mistral, whose decoder is Phi-3's with its projections taken apart; it is read as a Phi-3";
  }

  /** The tensors with the projections of Phi-3. */
  static Map<String, Tensor> fused(Folder folder, Map<String, Tensor> tensors) {
    check(folder.config());
    checkIsPhi(folder);
    return SplitProjections.fused(tensors);
  }

  /** Where a Llama is more than a Phi-3 can be, it is refused. */
  private static void check(Config config) {
    for (String key : NEEDED) {
      if (!config.has(key)) {
        throw Refusal.bad(config.file(), "expected a field %s, found none", key);
      }
    }
    int size = config.count("hidden_size") / config.count("num_attention_heads");
    if (config.count("head_dim", size) != size
        || !config.text("hidden_act").orElse("silu").equals("silu")) {
      throw Refusal.unsupported(
          config.file(),
          "expected a Llama or Mistral that is a rewritten Phi-3, with silu and heads of %d, found %s and %d",
          size,
          config.text("hidden_act").orElse("silu"),
          config.count("head_dim", size));
    }
  }

  private static void checkIsPhi(Folder folder) {
    Config config = folder.config();
    PhiLikeness sizes =
        new PhiLikeness(
            config.count("hidden_size"),
            config.count("num_hidden_layers"),
            config.count("num_attention_heads"),
            config.count("num_key_value_heads"),
            config.count("intermediate_size"));
    if (!sizes.isPhi(AddedTokens.of(folder).contents())) {
      throw Refusal.unsupported(
          config.file(),
          PhiLikeness.EXPECTED,
          config.json().path("architectures").path(0).stringValue(""));
    }
  }

  /** The folder with the configuration of a Phi-3. */
  static Folder asPhi3(Folder folder) {
    Config config = folder.config().of("Phi3ForCausalLM", "phi3");
    ObjectNode json = (ObjectNode) config.json();
    Stream.of("attention_bias", "mlp_bias", "head_dim", "pretraining_tp").forEach(json::remove);
    return folder.with(config);
  }
}
