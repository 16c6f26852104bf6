package dev.phial.model;

import dev.phial.source.Config;
import dev.phial.tensor.Shape;
import java.util.List;
import java.util.Optional;

/**
 * Phi-3-small: LayerNorm, biases, gegelu with interleaved halves, muP multipliers, block-sparse
 * attention on alternating layers, tied embeddings.
 */
final class Phi3Small implements Family {
  @Override
  public String name() {
    return "phi3small";
  }

  @Override
  public List<String> architectures() {
    return List.of("Phi3SmallForCausalLM");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phi3small");
  }

  @Override
  public Optional<String> ggufArchitecture() {
    return Optional.empty();
  }

  @Override
  public List<TensorName> names() {
    return List.of(
        TensorName.of(
            Role.TOKEN_EMBEDDING,
            "model.embed_tokens",
            "",
            h -> Shape.of(h.vocabulary(), h.hidden())),
        TensorName.of(Role.OUTPUT_NORM, "model.final_layernorm", "", h -> Shape.of(h.hidden())),
        TensorName.of(Role.OUTPUT, "lm_head", "", h -> Shape.of(h.vocabulary(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_NORM, "model.layers.{}.input_layernorm", "", h -> Shape.of(h.hidden())),
        TensorName.of(
            Role.ATTENTION_QKV,
            "model.layers.{}.self_attn.query_key_value",
            "",
            h ->
                Shape.of(
                    h.attention().querySize() + 2L * h.attention().keyValueSize(), h.hidden())),
        TensorName.of(
            Role.ATTENTION_OUTPUT,
            "model.layers.{}.self_attn.dense",
            "",
            h -> Shape.of(h.hidden(), h.attention().querySize())),
        TensorName.of(
            Role.FFN_NORM,
            "model.layers.{}.post_attention_layernorm",
            "",
            h -> Shape.of(h.hidden())),
        TensorName.of(
            Role.FFN_GATE_UP,
            "model.layers.{}.mlp.up_proj",
            "",
            h -> Shape.of(2L * h.feedForward(), h.hidden())),
        TensorName.of(
            Role.FFN_DOWN,
            "model.layers.{}.mlp.down_proj",
            "",
            h -> Shape.of(h.hidden(), h.feedForward())));
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    int hidden = config.count("hidden_size");
    int heads = config.count("num_attention_heads");
    int context = config.count("max_position_embeddings");
    int headSize = Rope.headSize(config, hidden, heads);
    return new Hyperparameters(
        config.count("num_hidden_layers"),
        hidden,
        config.count("ff_intermediate_size"),
        config.count("vocab_size"),
        context,
        config.number("layer_norm_epsilon", 1e-5),
        config.flag("tie_word_embeddings", true),
        new Hyperparameters.Attention(
            heads,
            config.count("num_key_value_heads", heads),
            headSize,
            scale(config, headSize),
            Optional.empty(),
            true,
            Optional.of(blocks(config))),
        Rope.read(
                config,
                heads,
                headSize,
                config.number("rope_embedding_base", 1_000_000),
                1,
                context)
            .withPositionFactor(config.number("rope_position_scale", 1)),
        Hyperparameters.Experts.NONE,
        new Hyperparameters.Multipliers(
            orOne(config.number("mup_embedding_multiplier", 10)),
            1 / orOne(config.number("mup_width_multiplier", 8))),
        Optional.of(config.number("gegelu_limit", 20)),
        Optional.of(config.numbers("dummy_token_indices").stream().map(Double::intValue).toList()));
  }

  private static double scale(Config config, int headSize) {
    return 1
        / (config.flag("mup_use_scaling", true)
            ? headSize / config.number("mup_attn_multiplier", 1)
            : Math.sqrt(headSize));
  }

  private static BlockAttention blocks(Config config) {
    return new BlockAttention(
        config.count("dense_attention_every_n_layers", 2),
        config.count("blocksparse_block_size", 64),
        config.count("blocksparse_num_local_blocks", 16),
        config.count("blocksparse_vert_stride", 8),
        config.flag("blocksparse_homo_head_pattern", false));
  }

  /** Zero turns a multiplier off. */
  private static double orOne(double multiplier) {
    return multiplier == 0 ? 1 : multiplier;
  }
}
