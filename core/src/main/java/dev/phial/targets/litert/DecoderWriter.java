package dev.phial.targets.litert;

import static dev.phial.quant.activation.ActivationPoint.ATTENDED;
import static dev.phial.quant.activation.ActivationPoint.ATTENTION_NORM;
import static dev.phial.quant.activation.ActivationPoint.ATTENTION_OUTPUT;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_NORM;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_OUTPUT;
import static dev.phial.quant.activation.ActivationPoint.FEED_FORWARD_PRODUCT;
import static dev.phial.quant.activation.ActivationPoint.GATE;
import static dev.phial.quant.activation.ActivationPoint.KEY;
import static dev.phial.quant.activation.ActivationPoint.LOGITS;
import static dev.phial.quant.activation.ActivationPoint.OUTPUT_NORM;
import static dev.phial.quant.activation.ActivationPoint.QUERY;
import static dev.phial.quant.activation.ActivationPoint.UP;
import static dev.phial.quant.activation.ActivationPoint.VALUE;

import dev.phial.PhialException;
import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Layer;
import dev.phial.graph.Linear;
import dev.phial.graph.Norm;
import dev.phial.model.Hyperparameters;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * One signature of a decoder: {@code tokens} new tokens of one text, with the keys and values of
 * those before in a cache that is passed in and out. Names and shapes are those that LiteRT-LM
 * looks for.
 *
 * <p>Key heads are {@code [1, heads, context, size]} and value heads {@code [1, heads, size,
 * context]}, so that both products of attention have a transposed second factor and query heads
 * that share a key need no copy of it.
 */
final class DecoderWriter {
  private static final double FAR = -1e9; // as good as infinite for a score

  private final DecoderGraph decoder;
  private final Parameters parameters;
  private final Hyperparameters h;
  private final Subgraph graph;
  private final int tokens;
  private final int context;
  private final KnownCodes codes;
  private final Map<Value, Value> quantized = new HashMap<>();

  private DecoderWriter(
      DecoderGraph decoder,
      Parameters parameters,
      KnownCodes codes,
      int context,
      Subgraph graph,
      int tokens) {
    this.decoder = decoder;
    this.parameters = parameters;
    this.codes = codes;
    this.h = decoder.hyperparameters();
    this.context = context;
    this.graph = graph;
    this.tokens = tokens;
  }

  /** Reads a part of a prompt: nothing but the cache comes out. */
  static void prefill(
      Tflite model,
      DecoderGraph decoder,
      Parameters parameters,
      KnownCodes codes,
      int context,
      int tokens) {
    Subgraph graph = new Subgraph(model, "prefill_" + tokens);
    new DecoderWriter(decoder, parameters, codes, context, graph, tokens).write(false);
  }

  /** Reads one token and gives the logits of the next. */
  static void decode(
      Tflite model, DecoderGraph decoder, Parameters parameters, KnownCodes codes, int context) {
    Subgraph graph = new Subgraph(model, "decode");
    new DecoderWriter(decoder, parameters, codes, context, graph, 1).write(true);
  }

  /** Keys or values of all layers. */
  private List<Value> cache(String name, Integer... shape) {
    List<Value> values = new ArrayList<>();
    for (int layer = 0; layer < h.layers(); layer++) {
      values.add(graph.input("kv_cache_%s_%d".formatted(name, layer), ElementType.FLOAT32, shape));
    }
    return values;
  }

  private void write(boolean hasLogits) {
    Value ids = graph.input("tokens", ElementType.INT32, 1, tokens);
    Value positions = graph.input("input_pos", ElementType.INT32, tokens);
    Value mask = graph.input("mask", ElementType.FLOAT32, 1, 1, tokens, context);
    List<Value> keys =
        cache("k", 1, h.attention().keyValueHeads(), context, h.attention().headSize());
    List<Value> values =
        cache("v", 1, h.attention().keyValueHeads(), h.attention().headSize(), context);

    Value x = embedded(graph.reshape(ids, tokens));
    Positions at = positions(positions, mask);
    for (int layer = 0; layer < h.layers(); layer++) {
      Layer parts = decoder.layers().get(layer);
      Value normed = normed(x, parts.attentionNorm());
      List<Value> projected = projected(normed, parts.attention(), layer);
      Value allKeys = updatedKeys(keys.get(layer), projected.get(1), at);
      Value allValues = updatedValues(values.get(layer), projected.get(2), at);
      keys.set(layer, allKeys);
      values.set(layer, allValues);
      if (layer == h.layers() - 1 && !hasLogits) {
        break; // what this layer gives is of no use
      }
      Value query = rotated(projected.get(0), h.attention().heads(), at);
      Value attended = attended(query, allKeys, allValues, parts.attention(), at.mask(), layer);
      if (parts.feedForwardNorm().isPresent()) {
        x = graph.add(x, attended);
        Value next = normed(x, parts.feedForwardNorm().get());
        x = graph.add(x, fed(next, parts.feedForward(), FEED_FORWARD_NORM, layer));
      } else {
        x =
            graph.add(
                graph.add(x, attended), fed(normed, parts.feedForward(), ATTENTION_NORM, layer));
      }
    }
    if (hasLogits) {
      Value last = normed(x, decoder.outputNorm());
      graph.output("logits", linear(last, decoder.output(), OUTPUT_NORM.once(), LOGITS.once()));
    }
    for (int layer = 0; layer < h.layers(); layer++) {
      graph.output("kv_cache_k_" + layer, keys.get(layer));
    }
    for (int layer = 0; layer < h.layers(); layer++) {
      graph.output("kv_cache_v_" + layer, values.get(layer));
    }
    graph.finish();
  }

  // --- what comes in

  private Value embedded(Value ids) {
    Value table = graph.parameter(parameters.embedding());
    // the lookup takes no half precision
    Value rows =
        table.type() == ElementType.FLOAT16
            ? graph.cast(graph.gather(table, ids), ElementType.FLOAT32)
            : graph.lookup(ids, table);
    return graph.reshape(rows, 1, tokens, h.hidden());
  }

  /**
   * What follows from the positions of the tokens, for all layers.
   *
   * @param cosine {@code [1, tokens, 1, rotated / 2]}
   * @param sine the same
   * @param mask of scores, {@code [1, 1, tokens, context]}
   * @param keyStart where the new keys go in the cache
   * @param valueStart where the new values go
   */
  private record Positions(
      Value cosine, Value sine, Value mask, Value keyStart, Value valueStart) {}

  private Positions positions(Value positions, Value mask) {
    int half = h.rope().dimensions() / 2;
    Value cosine = graph.gather(graph.parameter(parameters.cosines()), positions);
    Value sine = graph.gather(graph.parameter(parameters.sines()), positions);
    Value zero = graph.ints(0);
    Value first = tokens == 1 ? positions : graph.slice(positions, 0, 1);
    return new Positions(
        graph.reshape(cosine, 1, tokens, 1, half),
        graph.reshape(sine, 1, tokens, 1, half),
        masked(positions, mask),
        graph.concatenate(zero, zero, first, zero),
        graph.concatenate(zero, zero, zero, first));
  }

  /** The runtime hides what comes later; a sliding window is the model's own matter. */
  private Value masked(Value positions, Value mask) {
    Optional<Integer> window = h.attention().slidingWindow().filter(size -> size < context);
    if (window.isEmpty()) {
      return mask;
    }
    float[] all = new float[context];
    for (int i = 0; i < context; i++) {
      all[i] = i;
    }
    Value own = graph.reshape(graph.cast(positions, ElementType.FLOAT32), 1, 1, tokens, 1);
    Value distance = graph.subtract(own, graph.floats(List.of(1, 1, 1, context), all));
    Value isFar = graph.atLeast(distance, graph.number(window.get()));
    Value hidden = graph.multiply(graph.cast(isFar, ElementType.FLOAT32), graph.number(FAR));
    return graph.add(mask, hidden);
  }

  // --- attention

  /** Query {@code [1, tokens, heads * size]}, key and value. */
  private List<Value> projected(Value x, Attention attention, int layer) {
    ActivationPlace from = ATTENTION_NORM.in(layer);
    Linear[] parts = {attention.query(), attention.key(), attention.value()};
    List<Linear> projections = projections(parts);
    if (projections.size() > 1) {
      return List.of(
          linear(x, parts[0], from, QUERY.in(layer)),
          linear(x, parts[1], from, KEY.in(layer)),
          linear(x, parts[2], from, VALUE.in(layer)));
    }
    Value all = linear(x, projections.getFirst());
    int queries = h.attention().querySize();
    int size = h.attention().keyValueSize();
    return List.of(
        graph.slice(all, 0, queries),
        graph.slice(all, queries, size),
        graph.slice(all, queries + size, size));
  }

  /** One where the checkpoint has them in one matrix, unless what each gives has its own codes. */
  private List<Linear> projections(Linear... parts) {
    return parameters.precision(parts[0]) == Precision.W8A8 ? List.of(parts) : Linear.fused(parts);
  }

  /** Heads with their positions turned in: {@code [1, tokens, heads, size]}. */
  private Value rotated(Value x, int heads, Positions at) {
    Value all = graph.reshape(x, 1, tokens, heads, h.attention().headSize());
    int turned = h.rope().dimensions();
    Value left = graph.slice(all, 0, turned / 2);
    Value right = graph.slice(all, turned / 2, turned / 2);
    Value newLeft =
        graph.subtract(graph.multiply(left, at.cosine()), graph.multiply(right, at.sine()));
    Value newRight = graph.add(graph.multiply(right, at.cosine()), graph.multiply(left, at.sine()));
    return turned == h.attention().headSize()
        ? graph.concatenate(newLeft, newRight)
        : graph.concatenate(
            newLeft, newRight, graph.slice(all, turned, h.attention().headSize() - turned));
  }

  private Value updatedKeys(Value cache, Value keys, Positions at) {
    Value rotated = rotated(keys, h.attention().keyValueHeads(), at);
    Value update =
        tokens == 1
            ? graph.reshape(rotated, 1, h.attention().keyValueHeads(), 1, h.attention().headSize())
            : graph.transpose(rotated, 0, 2, 1, 3);
    return graph.update(cache, update, at.keyStart());
  }

  private Value updatedValues(Value cache, Value values, Positions at) {
    Value update =
        tokens == 1
            ? graph.reshape(values, 1, h.attention().keyValueHeads(), h.attention().headSize(), 1)
            : graph.transpose(
                graph.reshape(
                    values, 1, tokens, h.attention().keyValueHeads(), h.attention().headSize()),
                0,
                2,
                3,
                1);
    return graph.update(cache, update, at.valueStart());
  }

  private Value attended(
      Value query, Value keys, Value values, Attention attention, Value mask, int layer) {
    int heads = h.attention().keyValueHeads();
    int group = h.attention().heads() / heads; // query heads that share a key
    Value scaled = graph.multiply(query, graph.number(attention.scale()));
    Value byHead = tokens == 1 ? scaled : graph.transpose(scaled, 0, 2, 1, 3);
    Value scores =
        graph.products(
            graph.reshape(byHead, 1, heads, group * tokens, h.attention().headSize()), keys);
    Value weights =
        graph.softmax(graph.add(graph.reshape(scores, heads, group, tokens, context), mask));
    Value sums = graph.products(graph.reshape(weights, 1, heads, group * tokens, context), values);
    Value apart = graph.reshape(sums, 1, h.attention().heads(), tokens, h.attention().headSize());
    Value byToken = tokens == 1 ? apart : graph.transpose(apart, 0, 2, 1, 3);
    Value joined = graph.reshape(byToken, 1, tokens, h.attention().querySize());
    return linear(joined, attention.output(), ATTENDED.in(layer), ATTENTION_OUTPUT.in(layer));
  }

  // --- the rest

  private Value fed(Value x, FeedForward feedForward, ActivationPoint norm, int layer) {
    return switch (feedForward) {
      case FeedForward.Gated gated -> {
        List<Linear> parts = projections(gated.gate(), gated.up());
        boolean areApart = parts.size() > 1;
        int width = Math.toIntExact(gated.gate().outputs());
        ActivationPlace from = norm.in(layer);
        Value first = linear(x, parts.getFirst(), from, GATE.in(layer));
        Value gate = areApart ? first : graph.slice(first, 0, width);
        Value up =
            areApart
                ? linear(x, parts.getLast(), from, UP.in(layer))
                : graph.slice(first, width, width);
        Value open = graph.multiply(gate, graph.logistic(gate));
        yield last(graph.multiply(open, up), gated.down(), layer);
      }
      case FeedForward.Plain plain ->
          last(
              graph.gelu(linear(x, plain.up(), norm.in(layer), UP.in(layer))), plain.down(), layer);
      case FeedForward.Gegelu gegelu -> throw new AssertionError(gegelu); // refused before
      case FeedForward.Experts experts -> throw new AssertionError(experts);
    };
  }

  private Value last(Value x, Linear linear, int layer) {
    return linear(x, linear, FEED_FORWARD_PRODUCT.in(layer), FEED_FORWARD_OUTPUT.in(layer));
  }

  /** {@code W x + b}, from codes to codes where those of both places are known beforehand. */
  private Value linear(Value x, Linear linear, ActivationPlace from, ActivationPlace to) {
    if (parameters.precision(linear) != Precision.W8A8) {
      return linear(x, linear);
    }
    Parameter matrix = parameters.matrix(linear, to.point());
    if (linear.bias().isPresent()) { // its codes would follow from the scales of the rows
      throw new PhialException.Unsupported(
          "tensor %s: expected a matrix without a bias for litert:w8a8, as those of a Phi-3 are, found one with; choose litert:int8"
              .formatted(matrix.name()),
          "has biases, for which w8a8 has no codes");
    }
    Value known =
        quantized.computeIfAbsent(x, value -> graph.quantize(value, from, codes.at(from)));
    return graph.dequantize(graph.linear(known, graph.parameter(matrix), to, codes.at(to)));
  }

  private Value linear(Value x, Linear linear) {
    Value weight = graph.parameter(parameters.matrix(linear));
    Value numbers = weight.type() == ElementType.FLOAT16 ? graph.dequantize(weight) : weight;
    return linear
        .bias()
        .map(bias -> graph.linear(x, numbers, graph.parameter(parameters.vector(bias))))
        .orElseGet(() -> graph.linear(x, numbers));
  }

  private Value normed(Value x, Norm norm) {
    Value centered = norm.centers() ? graph.subtract(x, graph.mean(x)) : x;
    Value variance = graph.mean(graph.multiply(centered, centered));
    Value factor = graph.reciprocalRoot(graph.add(variance, graph.number(norm.epsilon())));
    Value unit = graph.multiply(centered, factor);
    Value scaled = graph.multiply(unit, graph.parameter(parameters.vector(norm.weight())));
    return norm.bias()
        .map(bias -> graph.add(scaled, graph.parameter(parameters.vector(bias))))
        .orElse(scaled);
  }
}
