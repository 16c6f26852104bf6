package dev.phial.model;

import dev.phial.source.Config;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Phi-1, 1.5 and 2: parallel attention and feed-forward, LayerNorm, biases, partial rotary
 * embedding.
 */
final class Phi2 implements Family {
  @Override
  public String name() {
    return "phi2";
  }

  @Override
  public List<String> architectures() {
    return List.of("PhiForCausalLM");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phi");
  }

  @Override
  public Optional<String> ggufArchitecture() {
    return Optional.of("phi2");
  }

  @Override
  public List<TensorName> names() {
    return List.of(
        TensorName.of(
            Role.TOKEN_EMBEDDING,
            "model.embed_tokens",
            "token_embd",
            h -> Shape.of(h.vocabulary(), h.hidden())),
        TensorName.of(
            Role.OUTPUT_NORM, "model.final_layernorm", "output_norm", h -> Shape.of(h.hidden())),
        TensorName.of(Role.OUTPUT, "lm_head", "output", h -> Shape.of(h.vocabulary(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_NORM,
            "model.layers.{}.input_layernorm",
            "blk.{}.attn_norm",
            h -> Shape.of(h.hidden())),
        TensorName.of(
            Role.ATTENTION_Q,
            "model.layers.{}.self_attn.q_proj",
            "blk.{}.attn_q",
            h -> Shape.of(h.attention().querySize(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_K,
            "model.layers.{}.self_attn.k_proj",
            "blk.{}.attn_k",
            h -> Shape.of(h.attention().keyValueSize(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_V,
            "model.layers.{}.self_attn.v_proj",
            "blk.{}.attn_v",
            h -> Shape.of(h.attention().keyValueSize(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_OUTPUT,
            "model.layers.{}.self_attn.dense",
            "blk.{}.attn_output",
            h -> Shape.of(h.hidden(), h.attention().querySize())),
        TensorName.of(
            Role.FFN_UP,
            "model.layers.{}.mlp.fc1",
            "blk.{}.ffn_up",
            h -> Shape.of(h.feedForward(), h.hidden())),
        TensorName.of(
            Role.FFN_DOWN,
            "model.layers.{}.mlp.fc2",
            "blk.{}.ffn_down",
            h -> Shape.of(h.hidden(), h.feedForward())));
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    int hidden = config.count("hidden_size", 2048);
    int heads = config.count("num_attention_heads", 32);
    int context = config.count("max_position_embeddings", 2048);
    int headSize = Rope.headSize(config, hidden, heads);
    return new Hyperparameters(
        config.count("num_hidden_layers", 24),
        hidden,
        config.count("intermediate_size", 4 * hidden),
        config.count("vocab_size", 51200),
        context,
        config.number("layer_norm_eps", 1e-5),
        config.flag("tie_word_embeddings", false),
        Hyperparameters.Attention.dense(
            heads, config.count("num_key_value_heads", heads), headSize, Optional.empty()),
        Rope.read(config, heads, headSize, 10_000, 0.5, context),
        Hyperparameters.Experts.NONE);
  }

  /** Until January 2024 llama.cpp kept queries, keys and values in one matrix. */
  @Override
  public Map<String, Tensor> sanitizeGguf(Map<String, Tensor> tensors) {
    Map<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> {
      if (!name.contains(".attn_qkv.")) {
        result.put(name, tensor);
        return;
      }
      long third = tensor.shape().dimensions().getFirst() / 3; // there are as many key heads
      int part = 0;
      for (String one : List.of(".attn_q.", ".attn_k.", ".attn_v.")) {
        String newName = name.replace(".attn_qkv.", one);
        result.put(newName, tensor.rows(newName, third * part++, third));
      }
    });
    return result;
  }
}
