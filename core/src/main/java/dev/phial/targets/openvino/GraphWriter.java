package dev.phial.targets.openvino;

import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Linear;
import dev.phial.model.Hyperparameters;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Lays a decoder down in OpenVINO's operations, one for one as optimum-intel's export has them: the
 * plugins look for these very patterns (normalization, rotary embedding, attention, compressed
 * matrices), and adapters find matrices by these names.
 */
final class GraphWriter {
  private static final long UNKNOWN = Value.UNKNOWN;

  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final Parameters parameters;
  private final Ir ir;
  private final Positions positions;
  private final List<Value> states = new ArrayList<>();
  private final List<String> stateNames = new ArrayList<>();

  private final Value hidden; // [batch, sequence, hidden]
  private final Value beams;
  private final Value batchSize; // [1]

  // what the first layer makes and all read
  private Positions.@Nullable Rotation rotation;
  private @Nullable Shared shared;
  private @Nullable Value splitAxis;
  private @Nullable Value splitLengths;

  /**
   * @param expanded the shape of keys and values with one copy for every query head, if those are
   *     more
   */
  private record Shared(Value mask, Value scale, Optional<Value> expanded) {}

  /**
   * @param takesEmbeddings of tokens and images, rather than tokens
   */
  private GraphWriter(DecoderGraph decoder, Parameters parameters, boolean takesEmbeddings) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.parameters = parameters;
    this.ir = parameters.ir();
    Value input =
        takesEmbeddings
            ? ir.parameter("inputs_embeds", ElementType.F32, UNKNOWN, UNKNOWN, (long) h.hidden())
            : ir.parameter("input_ids", ElementType.I64, UNKNOWN, UNKNOWN);
    Value attentionMask = ir.parameter("attention_mask", ElementType.I64, UNKNOWN, UNKNOWN);
    Value positionIds = ir.parameter("position_ids", ElementType.I64, UNKNOWN, UNKNOWN);
    beams = ir.parameter("beam_idx", ElementType.I32, UNKNOWN);
    positions = new Positions(ir, h, parameters, attentionMask, positionIds);
    Value shape = ir.shapeOf(input, ElementType.I64);
    batchSize = ir.gather(shape, ir.list(0), ir.number(0), List.of(1L));
    hidden = takesEmbeddings ? input : parameters.embedding(decoder, input);
  }

  /** Writes a graph from tokens. */
  static void write(DecoderGraph decoder, Parameters parameters) {
    new GraphWriter(decoder, parameters, false).write();
  }

  /** Writes a graph from embeddings of tokens and images. */
  static void writeFromEmbeddings(DecoderGraph decoder, Parameters parameters) {
    new GraphWriter(decoder, parameters, true).write();
  }

  private void write() {
    Value rows = hidden;
    for (int layer = 0; layer < decoder.layers().size(); layer++) {
      rows = layer(layer, rows);
    }
    Value normed = parameters.norm(decoder.outputNorm(), rows);
    Linear output = decoder.output();
    Value logits =
        parameters.linear(
            IrMatrix.of(output.weight()),
            output.bias(),
            normed,
            "__module.lm_head"); // even if tied
    for (int i = 0; i < states.size(); i++) {
      ir.add(
          "",
          "Assign",
          "opset6",
          Ir.attributes("variable_id", stateNames.get(i)),
          List.of(states.get(i)),
          List.of(new Layer.Output(states.get(i).type(), states.get(i).shape(), List.of())),
          List.of());
    }
    ir.result(logits, "logits");
  }

  // --- layers

  private Value layer(int index, Value rows) {
    dev.phial.graph.Layer layer = decoder.layers().get(index);
    String name = "__module.model.layers." + index;
    Value normed = parameters.norm(layer.attentionNorm(), rows);
    Value attended = attention(index, layer.attention(), normed);
    if (layer.feedForwardNorm().isPresent()) {
      ir.scope(name);
      Value sum = ir.elementwise("Add", rows, attended);
      Value again = parameters.norm(layer.feedForwardNorm().get(), sum);
      Value fed = feedForward(index, layer.feedForward(), again);
      ir.scope(name);
      return ir.elementwise("Add", sum, fed);
    }
    Value fed = feedForward(index, layer.feedForward(), normed);
    ir.scope(name);
    return ir.elementwise("Add", ir.elementwise("Add", attended, fed), rows);
  }

  private Value attention(int index, Attention attention, Value normed) {
    String name = "__module.model.layers.%d.self_attn".formatted(index);
    List<Linear> projections = Matrices.projections(attention);
    long queries = h.attention().querySize();
    long keyValues = h.attention().keyValueSize();
    Value query;
    Value key;
    Value value;
    if (projections.size() == 1) {
      Value all = parameters.linear(projections.getFirst(), normed);
      ir.scope(name);
      query = columns(all, 0, queries, false);
      key = columns(all, queries, keyValues, false);
      value = columns(all, queries + keyValues, keyValues, true);
    } else {
      query = parameters.linear(projections.get(0), normed);
      key = parameters.linear(projections.get(1), normed);
      value = parameters.linear(projections.get(2), normed);
      ir.scope(name);
    }
    int size = h.attention().headSize();
    query = ir.heads(query, h.attention().heads(), size);
    key = ir.heads(key, h.attention().keyValueHeads(), size);
    value = ir.heads(value, h.attention().keyValueHeads(), size);
    Positions.Rotation turn = rotation == null ? positions.rotation() : rotation;
    rotation = turn;
    ir.scope(name);
    query = positions.rotate(query, turn);
    key = positions.rotate(key, turn);
    Value pastKeys = past(index, "key");
    Value pastValues = past(index, "value");
    ir.scope(name);
    key = ir.concat(-2, List.of(pastKeys, key));
    value = ir.concat(-2, List.of(pastValues, value));
    keep(index, "key", key);
    keep(index, "value", value);
    Shared common = shared == null ? shared(pastKeys, normed, key, attention) : shared;
    shared = common;
    ir.scope(name);
    Value allKeys = repeated(key, common);
    Value allValues = repeated(value, common);
    Value attended =
        ir.add(
            "ScaledDotProductAttention",
            "opset13",
            Ir.attributes("causal", false),
            List.of(query, allKeys, allValues, common.mask, common.scale),
            ElementType.F32,
            query.shape());
    return parameters.linear(attention.output(), ir.joined(attended, queries));
  }

  private Shared shared(Value pastKeys, Value normed, Value keys, Attention attention) {
    Positions.Lengths lengths = positions.lengths(pastKeys, normed);
    Optional<Value> expanded = Optional.empty();
    if (h.attention().heads() != h.attention().keyValueHeads()) {
      Value shape = ir.shapeOf(keys, ElementType.I64);
      Value outer = ir.gather(shape, ir.list(0, 1), ir.number(0), List.of(2L));
      expanded =
          Optional.of(
              ir.concat(
                  0,
                  List.of(
                      outer,
                      ir.list(h.attention().heads() / h.attention().keyValueHeads()),
                      lengths.total(),
                      ir.list(h.attention().headSize()))));
    }
    Value mask = positions.mask(lengths);
    return new Shared(mask, parameters.floats(List.of(), (float) attention.scale()), expanded);
  }

  /** Every head as often as there are queries to it. */
  private Value repeated(Value x, Shared common) {
    if (common.expanded.isEmpty()) {
      return x;
    }
    long groups = h.attention().heads() / h.attention().keyValueHeads();
    Value stacked =
        ir.broadcast(
            ir.unsqueeze(x, 2),
            common.expanded.get(),
            "bidirectional",
            UNKNOWN,
            (long) h.attention().keyValueHeads(),
            groups,
            UNKNOWN,
            (long) h.attention().headSize());
    return ir.reshape(
        stacked,
        true,
        ir.list(0, h.attention().heads(), -1, h.attention().headSize()),
        UNKNOWN,
        (long) h.attention().heads(),
        UNKNOWN,
        (long) h.attention().headSize());
  }

  private Value columns(Value x, long first, long count, boolean last) {
    return ir.slice(
        x,
        ir.list(first),
        ir.list(last ? Long.MAX_VALUE : first + count),
        2,
        Ir.dimensions(UNKNOWN, UNKNOWN, count));
  }

  /** The cache, in the order of the beams: {@code [batch, heads, past, headSize]}. */
  private Value past(int layer, String part) {
    ir.scope("__module.model.layers." + layer);
    long heads = h.attention().keyValueHeads();
    Value shape =
        ir.concat(
            0, List.of(batchSize, ir.list(heads), ir.list(0), ir.list(h.attention().headSize())));
    Value empty =
        ir.broadcast(
            parameters.floats(List.of(), 0),
            shape,
            "numpy",
            UNKNOWN,
            heads,
            0L,
            (long) h.attention().headSize());
    List<Long> dimensions = Ir.dimensions(UNKNOWN, heads, UNKNOWN, h.attention().headSize());
    Value read =
        ir.add(
            "",
            "ReadValue",
            "opset6",
            Ir.attributes(
                "variable_id",
                state(layer, part),
                "variable_type",
                ElementType.F32.label(),
                "variable_shape",
                Ir.unknown(dimensions)),
            List.of(empty),
            ElementType.F32,
            dimensions,
            List.of("past_key_values.%d.%s".formatted(layer, part)));
    return ir.gather(read, beams, ir.number(0), dimensions);
  }

  private void keep(int layer, String part, Value value) {
    stateNames.add(state(layer, part));
    states.add(value);
  }

  private static String state(int layer, String part) {
    return "past_key_values.%1$d.%2$spresent.%1$d.%2$s".formatted(layer, part);
  }

  private Value feedForward(int index, FeedForward feedForward, Value x) {
    String name = "__module.model.layers.%d.mlp".formatted(index);
    return switch (feedForward) {
      case FeedForward.Gated gated -> {
        List<Linear> parts = Linear.fused(gated.gate(), gated.up());
        Value gate;
        Value up;
        if (parts.size() == 1) {
          Value both = parameters.linear(parts.getFirst(), x);
          ir.scope(name);
          gate = halves(both);
          up = ir.output(gate, 1);
        } else {
          gate = parameters.linear(parts.get(0), x);
          up = parameters.linear(parts.get(1), x);
          ir.scope(name);
        }
        Value active = ir.map("Swish", "opset4", gate);
        yield parameters.linear(gated.down(), ir.elementwise("Multiply", up, active));
      }
      case FeedForward.Gegelu gegelu -> throw Matrices.unknown(gegelu);
      case FeedForward.Plain plain -> {
        Value up = parameters.linear(plain.up(), x);
        ir.scope(name);
        yield parameters.linear(plain.down(), ir.gelu(up, "TANH"));
      }
      case FeedForward.Experts experts ->
          new ExpertGraph(
                  ir,
                  "__module.model.layers.%d.block_sparse_moe".formatted(index),
                  experts,
                  h.hidden(),
                  (matrix, input) ->
                      parameters.linear(
                          matrix, Optional.empty(), input, "__module." + matrix.module()))
              .write(x);
    };
  }

  /** Two halves of the columns, in the roundabout way of an exported {@code chunk}. */
  private Value halves(Value x) {
    Value axis = splitAxis == null ? ir.number(-1) : splitAxis;
    splitAxis = axis;
    Value lengths = splitLengths == null ? halfLengths(x, axis) : splitLengths;
    splitLengths = lengths;
    List<Long> shape = Ir.dimensions(UNKNOWN, UNKNOWN, x.shape().getLast() / 2);
    return ir.add(
        "",
        "VariadicSplit",
        "opset1",
        Ir.attributes(),
        List.of(x, axis, lengths),
        List.of(
            new Layer.Output(x.type(), shape, List.of()),
            new Layer.Output(x.type(), shape, List.of())),
        List.of());
  }

  private Value halfLengths(Value x, Value axis) {
    Value zero = ir.ints(List.of(1L), 0);
    Value size = ir.gather(ir.shapeOf(x, ElementType.I32), axis, zero, List.of());
    Value two = ir.integer(2);
    Value half = ir.divide(size, two);
    Value rest = ir.elementwise("Mod", size, two);
    Value isOdd =
        ir.add(
            "Greater",
            "opset1",
            Ir.attributes("auto_broadcast", "numpy"),
            List.of(rest, zero),
            ElementType.BOOLEAN,
            List.of(1L));
    Value first = ir.elementwise("Add", half, ir.convert(isOdd, ElementType.I32));
    return ir.concat(0, List.of(first, ir.ints(List.of(1L), -1)));
  }
}
