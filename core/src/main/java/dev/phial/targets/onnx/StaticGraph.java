package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.numbers;
import static dev.phial.targets.onnx.Nodes.real;
import static dev.phial.targets.onnx.Nodes.text;
import static dev.phial.targets.onnx.Protos.value;

import dev.phial.PhialException;
import dev.phial.graph.Attention;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Layer;
import dev.phial.graph.Linear;
import dev.phial.graph.Norm;
import dev.phial.model.Hyperparameters;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.targets.onnx.QdqNodes.Signal;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.OperatorSetIdProto;

/**
 * A decoder for so many tokens at a time, in standard operators of fixed shape with integers
 * between them. Tokens stand right in a window that slides over the text: the cache holds what came
 * before, {@code [keyValueHeads, 1, headSize, context - tokens]} keys and {@code [keyValueHeads, 1,
 * context - tokens, headSize]} values, and the graph gives those of its own tokens. The names of
 * inputs and outputs are those of ONNX Runtime GenAI.
 */
final class StaticGraph {
  private static final int IR_VERSION = 10;
  private static final int OPSET = 23; // the first with RMSNormalization

  private final StaticParameters parameters;
  private final ActivationScales scales;
  private final Hyperparameters h;
  private final QnnOptions options;
  private final long tokens;
  private final Nodes nodes = new Nodes();
  private final QdqNodes qdq = new QdqNodes(nodes);
  private int layer;

  private StaticGraph(
      StaticParameters parameters, ActivationScales scales, QnnOptions options, int tokens) {
    this.parameters = parameters;
    this.scales = scales;
    this.h = parameters.decoder().hyperparameters();
    this.options = options;
    this.tokens = tokens;
  }

  /**
   * @param tokens that go through it at once
   */
  static ModelProto write(
      StaticParameters parameters, ActivationScales scales, QnnOptions options, int tokens) {
    return new StaticGraph(parameters, scales, options, tokens).write();
  }

  /** Cosines and sines of the graph's tokens, {@code [tokens, headSize]}. */
  private record Rotation(Signal cosines, Signal sines) {}

  private ModelProto write() {
    Signal hidden = embedding();
    String positions = vector("position_ids", "/model/rotary/positions");
    Rotation queries = rotation(StaticParameters.QUERY_ROTATION, positions);
    Rotation keys = rotation(StaticParameters.KEY_ROTATION, positions);
    Signal mask = mask();
    List<Layer> layers = parameters.decoder().layers();
    for (layer = 0; layer < layers.size(); layer++) {
      hidden = layer(layers.get(layer), hidden, queries, keys, mask);
    }
    logits(last(hidden));
    return model();
  }

  // --- before the layers

  /** An input {@code [1, tokens]} as {@code [tokens]}. */
  private String vector(String input, String name) {
    return nodes.add("Reshape", name, List.of(input, nodes.list(tokens)));
  }

  private Signal embedding() {
    Signal table = parameters.embedding(qdq);
    String ids = vector("input_ids", "/model/embed_tokens/ids");
    return qdq.move("Gather", "/model/embed_tokens/Gather", table, List.of(ids));
  }

  private Rotation rotation(StaticParameters.Rotation rotary, String positions) {
    Signal cosines = parameters.table(qdq, rotary, false);
    Signal sines = parameters.table(qdq, rotary, true);
    String name = "/model/rotary/" + rotary.label();
    return new Rotation(
        // the reader knows the codes of the tables by this name
        qdq.round(
            nodes.add("Gather", name + "/cosines", List.of(cosines.name(), positions)),
            QdqNodes.name(rotary.point().once()),
            cosines.codes()),
        qdq.move("Gather", name + "/sines", sines, List.of(positions)));
  }

  /**
   * What is added to the scores: nothing, or {@code -penalty} or twice that for what a token may
   * not see, {@code [1, 1, tokens, context]}. The codes 0, 1, 2 stand for these three.
   */
  private Signal mask() {
    String name = "/model/mask";
    float penalty = scales.penalty(h.layers());
    ActivationCodes bit = new ActivationCodes(Byte.SIZE, penalty, 1);
    String narrow =
        nodes.add(
            "Cast",
            name + "/Cast",
            List.of("attention_mask"),
            number("to", OnnxType.UINT8.number()));
    Signal past = qdq.dequantize(narrow, name + "/past", bit);
    byte[] seen = new byte[Math.toIntExact(tokens * options.context())];
    int window = h.attention().slidingWindow().orElse(Integer.MAX_VALUE);
    for (int token = 0; token < tokens; token++) {
      long own = options.context() - tokens + token;
      for (int column = 0; column < options.context(); column++) {
        long distance = own - column;
        seen[token * options.context() + column] =
            (byte) (distance >= 0 && distance < window ? 1 : 0);
      }
    }
    String order =
        qdq.constant(
            name + "/order", OnnxType.UINT8, List.of(tokens, (long) options.context()), seen);
    Signal causal = qdq.dequantize(order, name + "/causal", bit);
    Signal sum =
        qdq.round(
            nodes.add("Add", name + "/Add", List.of(past.name(), causal.name())),
            name + "/Add/codes",
            new ActivationCodes(options.activationBits(), penalty, 2));
    return reshape(name + "/Reshape", sum, 1, 1, tokens, options.context());
  }

  // --- layers

  private String name(String part) {
    return "/model/layers.%d/%s".formatted(layer, part);
  }

  private Signal layer(Layer block, Signal hidden, Rotation queries, Rotation keys, Signal mask) {
    Signal normed =
        norm(
            name("input_layernorm"),
            block.attentionNorm(),
            hidden,
            ActivationPoint.ATTENTION_NORM.in(layer));
    Signal attended = attention(block.attention(), normed, queries, keys, mask);
    Signal sum = add("Add", "attn/residual", ActivationPoint.ATTENTION_SUM, hidden, attended);
    Signal input =
        block
            .feedForwardNorm()
            .map(norm ->
                norm(
                    name("post_attention_layernorm"),
                    norm,
                    sum,
                    ActivationPoint.FEED_FORWARD_NORM.in(layer)))
            .orElse(normed);
    Signal fed = feedForward(block.feedForward(), input);
    return add("Add", "mlp/residual", ActivationPoint.LAYER_OUTPUT, sum, fed);
  }

  private Signal norm(String name, Norm norm, Signal input, ActivationPlace place) {
    List<String> inputs = new ArrayList<>(List.of(input.name()));
    inputs.addAll(parameters.norm(qdq, name, norm));
    return qdq.add(
        norm.centers() ? "LayerNormalization" : "RMSNormalization",
        name + "/LayerNorm",
        inputs,
        place,
        scales.of(place),
        real("epsilon", norm.epsilon()),
        number("axis", -1));
  }

  private Signal attention(
      Attention attention, Signal input, Rotation queries, Rotation keys, Signal mask) {
    long size = h.attention().headSize();
    long heads = h.attention().keyValueHeads();
    long group = h.attention().heads() / heads;
    Signal query = linear("attn/q_proj", attention.query(), input, ActivationPoint.QUERY);
    Signal key = linear("attn/k_proj", attention.key(), input, ActivationPoint.KEY);
    Signal value = linear("attn/v_proj", attention.value(), input, ActivationPoint.VALUE);

    query = heads("attn/q", query, heads, group);
    query =
        rotate(
            "attn/q_rotary",
            query,
            queries,
            ActivationPoint.QUERY_COSINE,
            ActivationPoint.QUERY_SINE,
            ActivationPoint.ROTATED_QUERY);
    query = reshape(name("attn/q/rows"), query, heads, 1, group * tokens, size);
    key = heads("attn/k", key, heads, 1);
    key =
        rotate(
            "attn/k_rotary",
            key,
            keys,
            ActivationPoint.KEY_COSINE,
            ActivationPoint.KEY_SINE,
            ActivationPoint.ROTATED_KEY);
    key =
        qdq.move("Transpose", name("attn/k/columns"), key, List.of(), numbers("perm", 0, 1, 3, 2));
    key = cached("key", key, 3, ActivationPoint.CACHED_KEY);
    value = cached("value", heads("attn/v", value, heads, 1), 2, ActivationPoint.CACHED_VALUE);

    Signal scores = add("MatMul", "attn/scores", ActivationPoint.SCORES, query, key);
    scores = reshape(name("attn/scores/heads"), scores, heads, group, tokens, options.context());
    scores = add("Add", "attn/mask", ActivationPoint.MASKED_SCORES, scores, mask);
    Signal shares =
        add("Softmax", "attn/softmax", ActivationPoint.PROBABILITIES, number("axis", -1), scores);
    shares = reshape(name("attn/shares/rows"), shares, heads, 1, group * tokens, options.context());
    Signal result = add("MatMul", "attn/values", ActivationPoint.ATTENDED, shares, value);
    result = reshape(name("attn/values/heads"), result, heads, group, tokens, size);
    result =
        qdq.move(
            "Transpose",
            name("attn/values/Transpose"),
            result,
            List.of(),
            numbers("perm", 2, 0, 1, 3));
    result = reshape(name("attn/values/rows"), result, tokens, h.attention().querySize());
    return linear("attn/o_proj", attention.output(), result, ActivationPoint.ATTENTION_OUTPUT);
  }

  /**
   * From {@code [tokens, heads * group * headSize]} to {@code [heads, group, tokens, headSize]}.
   */
  private Signal heads(String part, Signal input, long heads, long group) {
    Signal split =
        reshape(name(part + "/heads"), input, tokens, heads, group, h.attention().headSize());
    return qdq.move(
        "Transpose", name(part + "/Transpose"), split, List.of(), numbers("perm", 1, 2, 0, 3));
  }

  /**
   * {@code x · cosines + swapped x · sines}, where swapping exchanges the rotated halves; the signs
   * are those of the sines.
   */
  private Signal rotate(
      String part,
      Signal input,
      Rotation rotation,
      ActivationPoint cosine,
      ActivationPoint sine,
      ActivationPoint sum) {
    long half = h.rope().dimensions() / 2;
    List<String> pieces =
        new ArrayList<>(
            List.of(
                slice(part + "/second", input, half, 2 * half).name(),
                slice(part + "/first", input, 0, half).name()));
    if (2 * half < h.attention().headSize()) {
      pieces.add(slice(part + "/rest", input, 2 * half, h.attention().headSize()).name());
    }
    Signal swapped =
        qdq.round(
            nodes.add("Concat", name(part + "/Concat"), pieces, number("axis", -1)),
            name(part + "/Concat/codes"),
            input.codes());
    Signal straight = add("Mul", part + "/cosine", cosine, input, rotation.cosines());
    Signal crossed = add("Mul", part + "/sine", sine, swapped, rotation.sines());
    return add("Add", part, sum, straight, crossed);
  }

  private Signal slice(String part, Signal input, long from, long to) {
    return qdq.move(
        "Slice",
        name(part),
        input,
        List.of(nodes.list(from), nodes.list(to), nodes.list(3), nodes.list(1)));
  }

  /** What came before and what is new, which leaves the graph in the codes of the cache. */
  private Signal cached(String kind, Signal fresh, int axis, ActivationPoint point) {
    ActivationCodes codes = scales.of(point.in(layer));
    Signal present =
        qdq.round(
            fresh.name(),
            QdqNodes.name(point.in(layer)),
            "present.%d.%s".formatted(layer, kind),
            codes);
    String past = "past_key_values.%d.%s".formatted(layer, kind);
    Signal before = qdq.dequantize(past, name("attn/past_" + kind), codes);
    return qdq.round(
        nodes.add(
            "Concat",
            name("attn/all_" + kind),
            List.of(before.name(), present.name()),
            number("axis", axis)),
        name("attn/all_" + kind + "/codes"),
        codes);
  }

  private Signal feedForward(FeedForward feedForward, Signal input) {
    return switch (feedForward) {
      case FeedForward.Gated gated -> {
        Signal gate = linear("mlp/gate_proj", gated.gate(), input, ActivationPoint.GATE);
        Signal up = linear("mlp/up_proj", gated.up(), input, ActivationPoint.UP);
        Signal share = add("Sigmoid", "mlp/sigmoid", ActivationPoint.GATE_SIGMOID, gate);
        Signal active = add("Mul", "mlp/act_fn", ActivationPoint.ACTIVATED_GATE, gate, share);
        Signal product =
            add("Mul", "mlp/product", ActivationPoint.FEED_FORWARD_PRODUCT, active, up);
        yield linear("mlp/down_proj", gated.down(), product, ActivationPoint.FEED_FORWARD_OUTPUT);
      }
      case FeedForward.Plain plain -> {
        Signal up = linear("mlp/fc1", plain.up(), input, ActivationPoint.UP);
        Signal active =
            add(
                "Gelu",
                "mlp/act_fn",
                ActivationPoint.FEED_FORWARD_PRODUCT,
                text("approximate", "tanh"),
                up);
        yield linear("mlp/fc2", plain.down(), active, ActivationPoint.FEED_FORWARD_OUTPUT);
      }
      default ->
          throw new PhialException.Unsupported(
              "--ep qnn: expected layers that treat all tokens alike, in standard operators, found experts or blocks; choose another provider");
    };
  }

  // --- after the layers

  /** Only the last token is asked what comes next. */
  private Signal last(Signal hidden) {
    return tokens == 1
        ? hidden
        : qdq.move(
            "Slice",
            "/model/last/Slice",
            hidden,
            List.of(nodes.list(tokens - 1), nodes.list(tokens), nodes.list(0), nodes.list(1)));
  }

  private void logits(Signal hidden) {
    Signal normed =
        norm(
            "/model/layers.%d/final_norm_layernorm".formatted(h.layers()),
            parameters.decoder().outputNorm(),
            hidden,
            ActivationPoint.OUTPUT_NORM.once());
    Signal logits =
        linear(
            "/lm_head", parameters.decoder().output(), normed, ActivationPoint.LOGITS.once(), true);
    nodes.add(
        "",
        "Reshape",
        "/lm_head/Reshape",
        List.of(logits.name(), nodes.list(1, 1, h.vocabulary())),
        List.of("logits"));
  }

  // --- operators

  private Signal linear(String part, Linear linear, Signal input, ActivationPoint point) {
    return linear(name(part), linear, input, point.in(layer), false);
  }

  private Signal linear(
      String name, Linear linear, Signal input, ActivationPlace place, boolean isHead) {
    List<String> inputs = new ArrayList<>(List.of(input.name()));
    inputs.addAll(
        parameters.matrix(qdq, name, linear, options.bits(isHead), input.codes().scale()));
    return qdq.add(
        inputs.size() > 2 ? "Gemm" : "MatMul", name + "/MatMul", inputs, place, scales.of(place));
  }

  private Signal add(String op, String part, ActivationPoint point, Signal... inputs) {
    return add(op, part, point, Optional.empty(), inputs);
  }

  private Signal add(
      String op, String part, ActivationPoint point, AttributeProto attribute, Signal... inputs) {
    return add(op, part, point, Optional.of(attribute), inputs);
  }

  private Signal add(
      String op,
      String part,
      ActivationPoint point,
      Optional<AttributeProto> attribute,
      Signal... inputs) {
    return qdq.add(
        op,
        name(part) + "/" + op,
        List.of(inputs).stream().map(Signal::name).toList(),
        point.in(layer),
        scales.of(point.in(layer)),
        attribute.stream().toArray(AttributeProto[]::new));
  }

  private Signal reshape(String name, Signal input, long... shape) {
    return qdq.move("Reshape", name, input, List.of(nodes.list(shape)));
  }

  // --- the model around the nodes

  private ModelProto model() {
    GraphProto.Builder graph =
        GraphProto.newBuilder().setName(tokens == 1 ? "token" : "prompt").addAllNode(nodes.all());
    inputsAndOutputs(graph);
    graph.addAllInitializer(qdq.constants());
    Protos.addInitializers(graph, parameters.data());
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("phial")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .setGraph(graph)
        .build();
  }

  private void inputsAndOutputs(GraphProto.Builder graph) {
    long context = options.context();
    graph.addInput(value("input_ids", OnnxType.INT32, 1L, tokens));
    graph.addInput(value("attention_mask", OnnxType.INT32, 1L, context));
    graph.addInput(value("position_ids", OnnxType.INT32, 1L, tokens));
    graph.addOutput(value("logits", OnnxType.FLOAT, 1L, 1L, (long) h.vocabulary()));
    long heads = h.attention().keyValueHeads();
    long size = h.attention().headSize();
    for (int i = 0; i < h.layers(); i++) {
      graph.addInput(
          value(
              "past_key_values.%d.key".formatted(i),
              OnnxType.UINT8,
              heads,
              1L,
              size,
              context - tokens));
      graph.addInput(
          value(
              "past_key_values.%d.value".formatted(i),
              OnnxType.UINT8,
              heads,
              1L,
              context - tokens,
              size));
      graph.addOutput(
          value("present.%d.key".formatted(i), OnnxType.UINT8, heads, 1L, size, tokens));
      graph.addOutput(
          value("present.%d.value".formatted(i), OnnxType.UINT8, heads, 1L, tokens, size));
    }
  }
}
