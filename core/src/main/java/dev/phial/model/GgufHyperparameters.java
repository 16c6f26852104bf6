package dev.phial.model;

import dev.phial.PhialException;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** The numbers of a model from GGUF metadata, under the keys that llama.cpp reads. */
final class GgufHyperparameters {
  private final Gguf gguf;
  private final String prefix;

  private GgufHyperparameters(Gguf gguf) {
    this.gguf = gguf;
    this.prefix = gguf.text("general.architecture").orElse("") + ".";
  }

  static Hyperparameters read(Gguf gguf) {
    GgufHyperparameters metadata = new GgufHyperparameters(gguf);
    return metadata.read(metadata.real("rope.scaling.attn_factor"));
  }

  /**
   * @param attentionFactor of LongRoPE, whatever the file says
   */
  static Hyperparameters read(Gguf gguf, double attentionFactor) {
    return new GgufHyperparameters(gguf).read(Optional.of(attentionFactor));
  }

  private Hyperparameters read(Optional<Double> attentionFactor) {
    int hidden = count("embedding_length");
    int heads = count("attention.head_count");
    if (hidden % heads != 0) {
      throw new PhialException.BadInput(
          "%s: expected heads that share the width evenly, found width %d and %d heads"
              .formatted(gguf.path(), hidden, heads));
    }
    int context = count("context_length");
    double epsilon =
        real("attention.layer_norm_rms_epsilon")
            .or(() -> real("attention.layer_norm_epsilon"))
            .orElse(1e-5);
    return new Hyperparameters(
        count("block_count"),
        hidden,
        count("feed_forward_length"),
        vocabulary(),
        context,
        epsilon,
        !gguf.tensors().containsKey("output.weight"),
        Hyperparameters.Attention.dense(
            heads,
            optional("attention.head_count_kv").filter(count -> count > 0).orElse(heads),
            hidden / heads, // llama.cpp takes it so
            optional("attention.sliding_window").filter(window -> window > 0)),
        new Rope(
            real("rope.freq_base").orElse(10_000.0),
            rotated(),
            optional("rope.scaling.original_context_length").orElse(context),
            longRope(attentionFactor)),
        new Hyperparameters.Experts(
            optional("expert_count").orElse(0),
            optional("expert_used_count").orElse(0),
            PhiMoe.DEFAULT_JITTER));
  }

  /** All dimensions of a head, where the file does not say: llama.cpp takes it so. */
  private int rotated() {
    return gguf.metadata().containsKey(prefix + "rope.dimension_count")
        ? count("rope.dimension_count")
        : count("embedding_length") / count("attention.head_count");
  }

  private int vocabulary() {
    Tensor embedding = gguf.tensors().get("token_embd.weight");
    if (embedding != null) {
      return (int)
          Math.min(embedding.shape().rows(), Integer.MAX_VALUE); // then its shape is refused
    }
    return gguf.metadata().get("tokenizer.ggml.tokens") instanceof GgufValue.Texts tokens
        ? tokens.values().size()
        : 0;
  }

  private Optional<LongRope> longRope(Optional<Double> attentionFactor) {
    Tensor shortFactors = gguf.tensors().get("rope_factors_short.weight");
    Tensor longFactors = gguf.tensors().get("rope_factors_long.weight");
    if (shortFactors == null || longFactors == null) {
      return Optional.empty();
    }
    checkFactors(shortFactors);
    checkFactors(longFactors);
    return Optional.of(
        new LongRope(values(shortFactors), values(longFactors), attentionFactor, attentionFactor));
  }

  private void checkFactors(Tensor factors) {
    Shape expected = Shape.of(rotated() / 2);
    if (!factors.shape().equals(expected)) {
      throw new PhialException.BadInput(
          "%s: tensor %s: expected shape %s, which is what the metadata says, found %s"
              .formatted(factors.file(), factors.name(), expected, factors.shape()));
    }
  }

  private static List<Double> values(Tensor tensor) {
    float[] values = new float[Math.toIntExact(tensor.shape().elements())];
    tensor.read(0, 1, values, 0);
    List<Double> result = new ArrayList<>();
    for (float value : values) {
      result.add((double) value);
    }
    return result;
  }

  private int count(String key) {
    return optional(key)
        .filter(value -> value > 0)
        .orElseThrow(() ->
            new PhialException.BadInput(
                "%s: expected a whole number of at least 1 in metadata %s%s, found %s"
                    .formatted(gguf.path(), prefix, key, gguf.metadata().get(prefix + key))));
  }

  private Optional<Integer> optional(String key) {
    OptionalLong value = gguf.whole(prefix + key);
    return value.isPresent() && value.getAsLong() >= 0 && value.getAsLong() <= Integer.MAX_VALUE
        ? Optional.of((int) value.getAsLong())
        : Optional.empty();
  }

  private Optional<Double> real(String key) {
    return gguf.metadata().get(prefix + key) instanceof GgufValue.Real real
        ? Optional.of(real.value())
        : Optional.empty();
  }
}
