package dev.phial.model;

import dev.phial.source.Config;
import dev.phial.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * Phi-3-mini and -medium, Phi-3.5-mini, Phi-4 and Phi-4-mini: RMSNorm, fused qkv and gate-up
 * projections, grouped queries; some with LongRoPE, a sliding window, partial rotary embedding or
 * tied embeddings.
 */
final class Phi3 implements Family {
  static final Phi3 INSTANCE = new Phi3();

  @Override
  public String name() {
    return "phi3";
  }

  @Override
  public List<String> architectures() {
    return List.of("Phi3ForCausalLM");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phi3");
  }

  @Override
  public Optional<String> ggufArchitecture() {
    return Optional.of("phi3");
  }

  @Override
  public List<TensorName> names() {
    return List.of(
        TensorName.of(
            Role.TOKEN_EMBEDDING,
            "model.embed_tokens",
            "token_embd",
            h -> Shape.of(h.vocabulary(), h.hidden())),
        TensorName.of(Role.OUTPUT_NORM, "model.norm", "output_norm", h -> Shape.of(h.hidden())),
        TensorName.of(Role.OUTPUT, "lm_head", "output", h -> Shape.of(h.vocabulary(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_NORM,
            "model.layers.{}.input_layernorm",
            "blk.{}.attn_norm",
            h -> Shape.of(h.hidden())),
        TensorName.of(
            Role.ATTENTION_QKV,
            "model.layers.{}.self_attn.qkv_proj",
            "blk.{}.attn_qkv",
            h ->
                Shape.of(
                    h.attention().querySize() + 2L * h.attention().keyValueSize(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_OUTPUT,
            "model.layers.{}.self_attn.o_proj",
            "blk.{}.attn_output",
            h -> Shape.of(h.hidden(), h.attention().querySize())),
        TensorName.of(
            Role.FFN_NORM,
            "model.layers.{}.post_attention_layernorm",
            "blk.{}.ffn_norm",
            h -> Shape.of(h.hidden())),
        TensorName.of(
            Role.FFN_GATE_UP,
            "model.layers.{}.mlp.gate_up_proj",
            "blk.{}.ffn_up",
            h -> Shape.of(2L * h.feedForward(), h.hidden())),
        TensorName.of(
            Role.FFN_DOWN,
            "model.layers.{}.mlp.down_proj",
            "blk.{}.ffn_down",
            h -> Shape.of(h.hidden(), h.feedForward())));
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    return read(config);
  }

  /** Also what the text model of the multimodal families says. */
  static Hyperparameters read(Config config) {
    int hidden = config.count("hidden_size", 3072);
    int heads = config.count("num_attention_heads", 32);
    int headSize = Rope.headSize(config, hidden, heads);
    return new Hyperparameters(
        config.count("num_hidden_layers", 32),
        hidden,
        config.count("intermediate_size", 8192),
        config.count("vocab_size", 32064),
        config.count("max_position_embeddings", 4096),
        config.number("rms_norm_eps", 1e-5),
        config.flag("tie_word_embeddings", false),
        Hyperparameters.Attention.dense(
            heads,
            config.count("num_key_value_heads", heads),
            headSize,
            config.optionalCount("sliding_window")),
        Rope.read(config, heads, headSize, 10_000, 1, 4096),
        Hyperparameters.Experts.NONE);
  }
}
