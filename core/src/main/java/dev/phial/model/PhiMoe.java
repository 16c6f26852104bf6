package dev.phial.model;

import dev.phial.source.Config;
import dev.phial.source.Gguf;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/**
 * Phi-3.5-MoE: LayerNorm with biases, a SparseMixer router over experts, LongRoPE with its own
 * attention factors.
 */
final class PhiMoe implements Family {
  /** The experts under the names of MLX, and under those of the checkpoint. */
  private static final Map<String, String> MLX_EXPERTS =
      Map.of("gate_proj", "w1", "down_proj", "w2", "up_proj", "w3");

  /** An expert under the names of MLX. */
  private static final Pattern EXPERT =
      Pattern.compile("(.*\\.experts\\.\\d+\\.)(gate_proj|down_proj|up_proj)\\.weight");

  /** Of every published checkpoint; GGUF files do not say. */
  static final double DEFAULT_JITTER = 0.01;

  /**
   * The factor on attention, for short and long texts, of every published checkpoint. The converter
   * of llama.cpp does not know of it, and writes one that it computes from the contexts.
   */
  private static final double ATTENTION_FACTOR = 1.243163121016122;

  @Override
  public String name() {
    return "phimoe";
  }

  @Override
  public List<String> architectures() {
    return List.of("PhiMoEForCausalLM", "PhimoeForCausalLM");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phimoe");
  }

  @Override
  public Optional<String> ggufArchitecture() {
    return Optional.of("phimoe");
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
            "model.layers.{}.self_attn.o_proj",
            "blk.{}.attn_output",
            h -> Shape.of(h.hidden(), h.attention().querySize())),
        TensorName.of(
            Role.FFN_NORM,
            "model.layers.{}.post_attention_layernorm",
            "blk.{}.ffn_norm",
            h -> Shape.of(h.hidden())),
        TensorName.of(
            Role.ROUTER,
            "model.layers.{}.block_sparse_moe.gate",
            "blk.{}.ffn_gate_inp",
            h -> Shape.of(h.experts().count(), h.hidden())),
        // in the order in which the reference converter writes them
        TensorName.of(
                Role.EXPERT_GATE,
                "model.layers.{}.block_sparse_moe.experts.{}.w1",
                "blk.{}.ffn_gate_exps",
                h -> Shape.of(h.experts().count(), h.feedForward(), h.hidden()))
            .withMlx("model.layers.{}.block_sparse_moe.switch_mlp.gate_proj"),
        TensorName.of(
                Role.EXPERT_DOWN,
                "model.layers.{}.block_sparse_moe.experts.{}.w2",
                "blk.{}.ffn_down_exps",
                h -> Shape.of(h.experts().count(), h.hidden(), h.feedForward()))
            .withMlx("model.layers.{}.block_sparse_moe.switch_mlp.down_proj"),
        TensorName.of(
                Role.EXPERT_UP,
                "model.layers.{}.block_sparse_moe.experts.{}.w3",
                "blk.{}.ffn_up_exps",
                h -> Shape.of(h.experts().count(), h.feedForward(), h.hidden()))
            .withMlx("model.layers.{}.block_sparse_moe.switch_mlp.up_proj"));
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    int hidden = config.count("hidden_size", 4096);
    int heads = config.count("num_attention_heads", 32);
    int context = config.count("max_position_embeddings", 131072);
    int headSize = Rope.headSize(config, hidden, heads);
    return new Hyperparameters(
        config.count("num_hidden_layers", 32),
        hidden,
        config.count("intermediate_size", 6400),
        config.count("vocab_size", 32064),
        context,
        config.number("rms_norm_eps", 1e-5),
        config.flag("tie_word_embeddings", false),
        Hyperparameters.Attention.dense(
            heads,
            config.count("num_key_value_heads", 8),
            headSize,
            config.optionalCount("sliding_window")),
        Rope.read(config, heads, headSize, 1_000_000, 1, context),
        new Hyperparameters.Experts(
            config.count("num_local_experts", 16),
            config.count("num_experts_per_tok", 2),
            config.number("router_jitter_noise", DEFAULT_JITTER)));
  }

  @Override
  public Hyperparameters hyperparameters(Gguf gguf) {
    return GgufHyperparameters.read(gguf, ATTENTION_FACTOR);
  }

  /**
   * Undoes other layouts. That of transformers 5 renames the block and fuses the experts: {@code
   * gate_up_proj [experts, 2 * feedForward, hidden]}, the gate first, and {@code down_proj
   * [experts, hidden, feedForward]}. That of MLX stacks them: {@code switch_mlp.gate_proj.weight
   * [experts, feedForward, hidden]} and so on.
   */
  @Override
  public Map<String, Tensor> sanitize(Map<String, Tensor> tensors) {
    Map<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> {
      String stem = name.replace(".mlp.", ".block_sparse_moe.");
      boolean isStack = tensor.shape().rank() == 3;
      if (isStack && stem.endsWith(".experts.gate_up_proj")) {
        String experts = stem.substring(0, stem.length() - "gate_up_proj".length());
        split(result, tensor, 2, 0, experts + "%d.w1.weight");
        split(result, tensor, 2, 1, experts + "%d.w3.weight");
      } else if (isStack && stem.endsWith(".experts.down_proj")) {
        String experts = stem.substring(0, stem.length() - "down_proj".length());
        split(result, tensor, 1, 0, experts + "%d.w2.weight");
      } else if (isStack && name.contains(".switch_mlp.")) {
        int at = name.indexOf(".switch_mlp.");
        String projection = name.substring(at).replaceAll("\\.switch_mlp\\.|\\.weight$", "");
        String expert = MLX_EXPERTS.getOrDefault(projection, projection);
        split(result, tensor, 1, 0, name.substring(0, at) + ".experts.%d." + expert + ".weight");
      } else if (EXPERT.matcher(name).matches()) { // as llm-compressor names them
        String renamed =
            EXPERT
                .matcher(stem)
                .replaceFirst(m -> m.group(1) + MLX_EXPERTS.get(m.group(2)) + ".weight");
        result.put(renamed, tensor.withName(renamed));
      } else if (name.endsWith(".mlp.router.weight")) {
        result.put(stem.replace(".router.", ".gate."), tensor);
      } else {
        result.put(name, tensor);
      }
    });
    return result;
  }

  /** Adds part {@code part} of {@code parts} equal parts of each expert's rows. */
  private static void split(
      Map<String, Tensor> to, Tensor fused, int parts, int part, String name) {
    long experts = fused.shape().dimensions().get(0);
    long rows = fused.shape().dimensions().get(1) / parts;
    for (int expert = 0; expert < experts; expert++) {
      String expertName = name.replace("%d", Integer.toString(expert));
      to.put(expertName, fused.slice(expertName, (expert * (long) parts + part) * rows, rows));
    }
  }
}
