package dev.phial.graph;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.model.Part;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;

/**
 * A decoder from token ids to logits.
 *
 * @param embedding {@code [vocabulary, hidden]}
 * @param output {@code [vocabulary, hidden]}; the embedding itself where they are tied
 */
public record DecoderGraph(
    Hyperparameters hyperparameters,
    Matrix embedding,
    List<Layer> layers,
    Norm outputNorm,
    Linear output) {
  public DecoderGraph {
    layers = List.copyOf(layers);
  }

  /**
   * Puts the parameters of a model in their places.
   *
   * @throws PhialException.Unsupported for families that are more than a decoder
   */
  public static DecoderGraph of(ModelDescription model) {
    return new Builder(model).build();
  }

  private static final class Builder {
    private final ModelDescription model;
    private final Hyperparameters h;
    private final Map<Key, Weight> weights = new HashMap<>();

    private record Key(Role role, int layer, Part part) {}

    Builder(ModelDescription model) {
      this.model = model;
      this.h = model.hyperparameters();
      for (Weight weight : model.weights()) {
        weights.put(new Key(weight.role(), weight.layer(), weight.part()), weight);
      }
    }

    DecoderGraph build() {
      Matrix embedding = Matrix.of(weight(Role.TOKEN_EMBEDDING, -1));
      List<Layer> layers = new ArrayList<>();
      for (int layer = 0; layer < h.layers(); layer++) {
        layers.add(layer(layer));
      }
      Linear output =
          h.tied() ? new Linear(embedding, bias(Role.OUTPUT, -1)) : linear(Role.OUTPUT, -1);
      return new DecoderGraph(h, embedding, layers, norm(Role.OUTPUT_NORM, -1), output);
    }

    private Layer layer(int layer) {
      return new Layer(
          norm(Role.ATTENTION_NORM, layer),
          attention(layer),
          has(Role.FFN_NORM, layer) ? Optional.of(norm(Role.FFN_NORM, layer)) : Optional.empty(),
          feedForward(layer));
    }

    private Attention attention(int layer) {
      List<Linear> inputs = queriesKeysValues(layer);
      return new Attention(
          inputs.get(0),
          inputs.get(1),
          inputs.get(2),
          linear(Role.ATTENTION_OUTPUT, layer),
          h.attention().scale(),
          h.attention().blocks().filter(blocks -> !blocks.isDense(layer)));
    }

    private List<Linear> queriesKeysValues(int layer) {
      if (!has(Role.ATTENTION_QKV, layer)) {
        return List.of(
            linear(Role.ATTENTION_Q, layer),
            linear(Role.ATTENTION_K, layer),
            linear(Role.ATTENTION_V, layer));
      }
      if (h.attention().interleaved()) {
        int group = h.attention().heads() / h.attention().keyValueHeads();
        return List.of(heads(layer, 0, group), heads(layer, group, 1), heads(layer, group + 1, 1));
      }
      int queries = h.attention().querySize();
      int keys = h.attention().keyValueSize();
      return List.of(
          slice(Role.ATTENTION_QKV, layer, 0, queries),
          slice(Role.ATTENTION_QKV, layer, queries, keys),
          slice(Role.ATTENTION_QKV, layer, queries + keys, keys));
    }

    /** {@code count} heads from {@code first} of every group around a key-value head. */
    private Linear heads(int layer, int first, int count) {
      int group = h.attention().heads() / h.attention().keyValueHeads() + 2;
      return Linear.join(
          IntStream.range(0, h.attention().keyValueHeads())
              .mapToObj(head ->
                  slice(
                      Role.ATTENTION_QKV,
                      layer,
                      (head * group + first) * h.attention().headSize(),
                      count * h.attention().headSize()))
              .toList());
    }

    private FeedForward feedForward(int layer) {
      if (has(Role.ROUTER, layer)) {
        return new FeedForward.Experts(
            linear(Role.ROUTER, layer),
            weight(Role.EXPERT_GATE, layer),
            weight(Role.EXPERT_UP, layer),
            weight(Role.EXPERT_DOWN, layer),
            h.experts().used(),
            h.experts().routerJitter());
      }
      if (h.gegeluLimit().isPresent()) {
        return new FeedForward.Gegelu(
            linear(Role.FFN_GATE_UP, layer), linear(Role.FFN_DOWN, layer), h.gegeluLimit().get());
      }
      if (has(Role.FFN_GATE_UP, layer)) {
        return new FeedForward.Gated(
            slice(Role.FFN_GATE_UP, layer, 0, h.feedForward()),
            slice(Role.FFN_GATE_UP, layer, h.feedForward(), h.feedForward()),
            linear(Role.FFN_DOWN, layer));
      }
      return new FeedForward.Plain(linear(Role.FFN_UP, layer), linear(Role.FFN_DOWN, layer));
    }

    private Norm norm(Role role, int layer) {
      return new Norm(Vector.of(weight(role, layer)), bias(role, layer), h.normEpsilon());
    }

    private Linear linear(Role role, int layer) {
      return new Linear(Matrix.of(weight(role, layer)), bias(role, layer));
    }

    private Linear slice(Role role, int layer, int first, int count) {
      return new Linear(
          Matrix.of(weight(role, layer), first, count),
          find(role, layer, Part.BIAS).map(bias -> Vector.of(bias, first, count)));
    }

    private Optional<Vector> bias(Role role, int layer) {
      return find(role, layer, Part.BIAS).map(Vector::of);
    }

    private boolean has(Role role, int layer) {
      return find(role, layer, Part.WEIGHT).isPresent();
    }

    private Weight weight(Role role, int layer) {
      return find(role, layer, Part.WEIGHT)
          .orElseThrow(() ->
              new PhialException.Unsupported(
                  "%s models have no %s as other decoders have; their graph cannot be written"
                      .formatted(model.family().name(), role)));
    }

    private Optional<Weight> find(Role role, int layer, Part part) {
      return Optional.ofNullable(weights.get(new Key(role, layer, part)));
    }
  }
}
