package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Linear;
import dev.phial.graph.Norm;
import dev.phial.graph.RotaryCache;
import dev.phial.graph.Vector;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import dev.phial.tensor.Shape;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Lays a decoder down in OpenVINO's operations, one for one as optimum-intel's export has them: the
 * plugins look for these very patterns (normalization, rotary embedding, attention, compressed
 * matrices), and adapters find matrices by these names.
 */
final class GraphWriter {
  private static final long UNKNOWN = Value.UNKNOWN;
  private static final float MASKED = -65504;

  private final DecoderGraph decoder;
  private final Hyperparameters h;
  private final Compressions compressions;
  private final FloatType origin;
  private final boolean halves;
  private final String operations; // the namespace of operations in the names of layers
  private final Ir ir = new Ir();
  private final Layout.Builder layout;
  private final Map<String, Value> matrices = new HashMap<>();
  private final List<Value> states = new ArrayList<>();
  private final List<String> stateNames = new ArrayList<>();

  private final Value inputIds;
  private final Value attentionMask;
  private final Value positions;
  private final Value beams;
  private final Value batchSize; // [1]

  // what the first layer makes and all read
  private @Nullable Rotation rotation;
  private @Nullable Shared shared;
  private @Nullable Value splitAxis;
  private @Nullable Value splitLengths;

  /** Cosines and sines of the positions. */
  private record Rotation(Value cosine, Value sine) {}

  /**
   * @param expanded the shape of keys and values with one copy for every query head, if those are
   *     more
   */
  private record Shared(Value mask, Value scale, Optional<Value> expanded) {}

  /**
   * @param past tokens in the cache
   * @param batch how many texts
   * @param sequence tokens that come now
   * @param sequenceList the same, {@code [1]}
   * @param total both together, {@code [1]}
   */
  private record Lengths(
      Value past, Value batch, Value sequence, Value sequenceList, Value total) {}

  /**
   * @param origin type of what is not compressed
   * @param halves whether constants are kept in half precision where they fit
   * @param layout receives what lies in the data file
   */
  private GraphWriter(
      DecoderGraph decoder,
      Compressions compressions,
      FloatType origin,
      boolean halves,
      Layout.Builder layout) {
    this.decoder = decoder;
    this.h = decoder.hyperparameters();
    this.compressions = compressions;
    this.origin = origin;
    this.halves = halves;
    this.layout = layout;
    this.operations = origin == FloatType.F32 ? "aten" : "ov_ext";
    inputIds = ir.parameter("input_ids", ElementType.I64, UNKNOWN, UNKNOWN);
    attentionMask = ir.parameter("attention_mask", ElementType.I64, UNKNOWN, UNKNOWN);
    positions = ir.parameter("position_ids", ElementType.I64, UNKNOWN, UNKNOWN);
    beams = ir.parameter("beam_idx", ElementType.I32, UNKNOWN);
    Value shape = ir.shapeOf(inputIds, ElementType.I64);
    batchSize = ir.gather(shape, ir.list(0), ir.number(0), List.of(1L));
  }

  /** Writes the graph, and lays down the data file that goes with it. */
  static Ir write(
      DecoderGraph decoder,
      Compressions compressions,
      FloatType origin,
      boolean halves,
      Layout.Builder layout) {
    return new GraphWriter(decoder, compressions, origin, halves, layout).write();
  }

  private Ir write() {
    Value hidden = embedding();
    for (int layer = 0; layer < decoder.layers().size(); layer++) {
      hidden = layer(layer, hidden);
    }
    Value normed = norm(decoder.outputNorm(), hidden);
    Value logits = linear(decoder.output(), normed, "__module.lm_head", List.of("logits"));
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
    ir.result(logits);
    ir.contents()
        .forEach((offset, bytes) -> {
          Slot slot = Slot.of("constant at " + offset, bytes.length);
          layout.place(slot, OpenvinoTarget.DATA, offset).content(slot, Content.of(bytes));
        });
    return ir;
  }

  // --- constants

  /** A constant of the computation; in half precision where that is asked for and loses little. */
  private Value floats(List<Long> shape, float... values) {
    if (!halves || !fitsHalves(values)) {
      return ir.floats(shape, values);
    }
    byte[] bytes = new byte[values.length * Short.BYTES];
    for (int i = 0; i < values.length; i++) {
      FloatType.F16.put(bytes, i * Short.BYTES, values[i]);
    }
    return ir.decompress("", ir.constant(ElementType.F16, shape, bytes), ElementType.F32, true);
  }

  /**
   * OpenVINO's rule: no number may be off by more than 1, fewer than three quarters may be out of
   * range, and a single one must be exact to a ten-thousandth; {@code check_f16_compression}.
   */
  private static boolean fitsHalves(float[] values) {
    int outside = 0;
    for (float value : values) {
      float error = Math.abs(FloatType.F16.round(value) - value);
      float magnitude = Math.abs(value);
      if (magnitude > FloatType.F16.largest() || magnitude < 0x1p-24f && value != 0) {
        outside++;
      } else if (error > 1 || values.length == 1 && error > 1e-4f * magnitude) {
        return false;
      }
    }
    return outside < 0.75f * values.length;
  }

  /** A small parameter, as part of the computation. */
  private Value vector(Vector vector) {
    float[] values = vector.values();
    for (int i = 0; i < values.length; i++) {
      values[i] = origin.round(values[i]);
      if (!Float.isFinite(values[i])) {
        Weight weight = vector.parts().getFirst().weight();
        throw new PhialException.BadInput(
            "%s: tensor %s: expected finite numbers, found %s; the checkpoint is damaged or overflowed in training"
                .formatted(
                    weight.slices().getFirst().file(),
                    weight.slices().getFirst().name(),
                    values[i]));
      }
    }
    Value constant = floats(Ir.dimensions(1, 1, values.length), values);
    Weight parameter = vector.parts().getFirst().weight();
    layout.inside(
        PlannedTensor.of(
            "self." + parameter.huggingFaceName(),
            Shape.of(values.length),
            Formats.of(halves ? FloatType.F16 : FloatType.F32),
            vector.parts()));
    return constant;
  }

  // --- before the layers

  private Value embedding() {
    Value table = matrix(IrMatrix.of(decoder.embedding()), "embedding", 0);
    ir.scope(
        "__module.%s/%s::embedding"
            .formatted(IrMatrix.of(decoder.embedding()).module(), operations));
    Value indices = ir.convert(inputIds, ElementType.I32);
    return ir.gather(table, indices, ir.integer(0), Ir.dimensions(UNKNOWN, UNKNOWN, h.hidden()));
  }

  private Lengths lengths(Value keys, Value normed) {
    ir.scope("__module.model");
    Value past = ir.element(ir.shapeOf(keys, ElementType.I64), 2);
    Value shape = ir.shapeOf(normed, ElementType.I64);
    Value sequence = ir.element(shape, 1);
    Value sequenceList = ir.reshape(sequence, false, ir.list(1), 1L);
    Value pastList = ir.reshape(past, false, ir.list(1), 1L);
    return new Lengths(
        past,
        ir.element(shape, 0),
        sequence,
        sequenceList,
        ir.elementwise("Add", pastList, sequenceList));
  }

  /** Which tokens attend to which: 0 where they do, {@code [batch, 1, sequence, total]}. */
  private Value mask(Lengths lengths) {
    ir.scope("__module.model");
    Value length =
        ir.add(
            "Squeeze",
            "opset1",
            Ir.attributes(),
            List.of(lengths.sequenceList, ir.integer(0)),
            ElementType.I64,
            List.of());
    Value end = ir.elementwise("Add", lengths.past, length);
    Value keys = ir.range(ir.integer(0), end, ir.integer(1), ElementType.I64);
    Value key = ir.unsqueeze(ir.unsqueeze(ir.unsqueeze(keys, 0), 1), 2);
    Value last = ir.elementwise("Add", lengths.past, lengths.sequence);
    Value queries = ir.range(lengths.past, last, ir.integer(1), ElementType.I64);
    Value query = ir.unsqueeze(ir.unsqueeze(ir.unsqueeze(queries, 0), 1), 3);
    Value allowed = ir.compare("LessEqual", key, query);
    if (h.slidingWindow().isPresent()) {
      Value back = ir.longs(Ir.dimensions(1, 1, 1, 1), -h.slidingWindow().get());
      Value near = ir.compare("Greater", key, ir.elementwise("Add", query, back));
      allowed = ir.and(ir.and(ir.truth(true), near), allowed);
    }
    allowed = ir.and(ir.truth(true), allowed);
    allowed = ir.and(allowed, padding(key, lengths.batch));
    Value shape =
        ir.concat(
            0,
            List.of(
                ir.reshape(lengths.batch, false, ir.list(1), 1L),
                ir.list(1),
                lengths.sequenceList,
                ir.unsqueeze(end, ir.integer(0), 0)));
    Value all = ir.broadcast(allowed, shape, "bidirectional", UNKNOWN, 1L, UNKNOWN, UNKNOWN);
    Value mask = ir.select(all, floats(List.of(), 0), floats(List.of(), MASKED));
    return ir.slice(mask, ir.list(0), lengths.total, 3, mask.shape());
  }

  /** The attention mask of the caller, looked up by batch and key: {@code [batch, 1, 1, total]}. */
  private Value padding(Value key, Value batch) {
    Value given = ir.convert(attentionMask, ElementType.BOOLEAN);
    Value shape = ir.shapeOf(given, ElementType.I32);
    Value all = ir.reduce("ReduceProd", shape, ir.integer(0), true, List.of(1L));
    Value flatShape = ir.concat(0, List.of(all, ir.ints(List.of(1L), -1)));
    Value flat = ir.reshape(given, true, flatShape, UNKNOWN, UNKNOWN);
    Value column = ir.convert(key, ElementType.I32);
    Value rows = ir.range(ir.integer(0), batch, ir.integer(1), ElementType.I64);
    Value row = ir.unsqueeze(ir.unsqueeze(ir.unsqueeze(rows, 1), 2), 3);
    Value rowIndex = ir.convert(row, ElementType.I32);
    Value axis = ir.integer(0);
    Value sizes =
        ir.add(
            "",
            "Split",
            "opset1",
            Ir.attributes("num_splits", 2),
            List.of(shape, axis),
            List.of(
                new Layer.Output(ElementType.I32, List.of(1L), List.of()),
                new Layer.Output(ElementType.I32, List.of(1L), List.of())),
            List.of());
    Value offset = ir.elementwise("Multiply", rowIndex, ir.output(sizes, 1));
    Value index = ir.elementwise("Add", column, offset);
    Value found = ir.gather(flat, index, axis, Ir.dimensions(UNKNOWN, 1, 1, UNKNOWN, UNKNOWN));
    Value list = ir.reshape(found, false, ir.list(-1), UNKNOWN);
    Value indexShape = ir.shapeOf(index, ElementType.I32);
    return ir.reshape(list, false, indexShape, UNKNOWN, 1L, 1L, UNKNOWN);
  }

  /** Cosines and sines of the positions, {@code [batch, 1, sequence, rotary dimensions]}. */
  private Rotation rotation() {
    ir.scope("__module.model.rotary_emb");
    long half = h.ropeDimensions() / 2;
    Value frequencies;
    Optional<Value> scale = Optional.empty();
    if (h.longRope().isPresent()) {
      LongRope rope = h.longRope().get();
      Value last = ir.reduce("ReduceMax", positions, ir.ints(List.of(2L), 0, 1), false, List.of());
      Value length = ir.elementwise("Add", last, ir.number(1));
      Value isLong = ir.compare("Greater", length, ir.number(h.originalContext()));
      Value factors =
          ir.select(
              isLong,
              floats(List.of(half), floats(rope.longFactors())),
              floats(List.of(half), floats(rope.shortFactors())));
      Value wavelengths =
          ir.elementwise("Multiply", factors, floats(List.of(half), RotaryCache.wavelengths(h)));
      Value inverse = ir.elementwise("Power", wavelengths, floats(List.of(1L), -1));
      frequencies = ir.unsqueeze(ir.unsqueeze(inverse, 0), 2);
      scale =
          scale(
              isLong,
              RotaryCache.longTexts(h, rope).scale(),
              RotaryCache.shortTexts(h, rope).scale());
    } else {
      frequencies = floats(Ir.dimensions(1, half, 1), RotaryCache.plain(h).frequencies());
    }
    Value position = ir.convert(ir.unsqueeze(positions, 1), ElementType.F32);
    Value angles =
        ir.add(
            "MatMul",
            "opset1",
            Ir.attributes("transpose_a", false, "transpose_b", false),
            List.of(frequencies, position),
            ElementType.F32,
            Ir.dimensions(UNKNOWN, half, UNKNOWN));
    Value transposed = ir.transpose(angles, 0, 2, 1);
    Value both = ir.concat(-1, List.of(transposed, transposed));
    return new Rotation(
        ir.unsqueeze(scaled(ir.map("Cos", "opset1", both), scale), 1),
        ir.unsqueeze(scaled(ir.map("Sin", "opset1", both), scale), 1));
  }

  /** What cosines and sines are multiplied by, if by anything. */
  private Optional<Value> scale(Value isLong, float longScale, float shortScale) {
    List<Long> one = Ir.dimensions(1, 1, 1);
    if (longScale != shortScale) {
      return Optional.of(ir.select(isLong, floats(one, longScale), floats(one, shortScale)));
    }
    return longScale == 1 ? Optional.empty() : Optional.of(floats(one, longScale));
  }

  private Value scaled(Value x, Optional<Value> scale) {
    return scale.isEmpty() ? x : ir.elementwise("Multiply", x, scale.get());
  }

  private static float[] floats(List<Double> values) {
    float[] result = new float[values.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) (double) values.get(i);
    }
    return result;
  }

  // --- layers

  private Value layer(int index, Value hidden) {
    dev.phial.graph.Layer layer = decoder.layers().get(index);
    String name = "__module.model.layers." + index;
    Value normed = norm(layer.attentionNorm(), hidden);
    Value attended = attention(index, layer.attention(), normed);
    if (layer.feedForwardNorm().isPresent()) {
      ir.scope(name);
      Value sum = ir.elementwise("Add", hidden, attended);
      Value again = norm(layer.feedForwardNorm().get(), sum);
      Value fed = feedForward(index, layer.feedForward(), again);
      ir.scope(name);
      return ir.elementwise("Add", sum, fed);
    }
    Value fed = feedForward(index, layer.feedForward(), normed);
    ir.scope(name);
    return ir.elementwise("Add", ir.elementwise("Add", attended, fed), hidden);
  }

  private Value norm(Norm norm, Value x) {
    Weight weight = norm.weight().parts().getFirst().weight();
    ir.scope("__module." + IrMatrix.module(weight.huggingFaceName()));
    if (norm.centers()) {
      Value normalized =
          ir.add(
              "MVN",
              "opset6",
              Ir.attributes(
                  "eps",
                  decimal((float) norm.epsilon()),
                  "normalize_variance",
                  true,
                  "eps_mode",
                  "INSIDE_SQRT"),
              List.of(x, ir.ints(List.of(1L), -1)),
              x.type(),
              x.shape());
      Value scaled = ir.elementwise("Multiply", normalized, vector(norm.weight()));
      return ir.elementwise("Add", scaled, vector(norm.bias().orElseThrow()));
    }
    List<Long> one = Ir.dimensions(1, 1, 1);
    List<Long> reduced = Ir.dimensions(UNKNOWN, UNKNOWN, 1);
    Value squares = ir.elementwise("Power", x, floats(one, 2));
    Value mean = ir.reduce("ReduceMean", squares, ir.list(-1), true, reduced);
    Value padded = ir.elementwise("Add", mean, floats(one, (float) norm.epsilon()));
    Value inverse = ir.divide(floats(one, 1), ir.map("Sqrt", "opset1", padded));
    Value normalized = ir.elementwise("Multiply", x, inverse);
    return ir.elementwise("Multiply", vector(norm.weight()), normalized);
  }

  /** As C++ prints it with 17 digits. */
  private static String decimal(double value) {
    return String.format(Locale.ROOT, "%.16e", new BigDecimal(value));
  }

  private Value attention(int index, Attention attention, Value normed) {
    String name = "__module.model.layers.%d.self_attn".formatted(index);
    List<Linear> projections = Matrices.projections(attention);
    long queries = (long) h.heads() * h.headSize();
    long keyValues = h.keyValueSize();
    Value query;
    Value key;
    Value value;
    if (projections.size() == 1) {
      Value all = linear(projections.getFirst(), normed);
      ir.scope(name);
      query = columns(all, 0, queries, false);
      key = columns(all, queries, keyValues, false);
      value = columns(all, queries + keyValues, keyValues, true);
    } else {
      query = linear(projections.get(0), normed);
      key = linear(projections.get(1), normed);
      value = linear(projections.get(2), normed);
      ir.scope(name);
    }
    query = heads(query, h.heads());
    key = heads(key, h.keyValueHeads());
    value = heads(value, h.keyValueHeads());
    Rotation turn = rotation == null ? rotation() : rotation;
    rotation = turn;
    ir.scope(name);
    query = rotate(query, turn);
    key = rotate(key, turn);
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
    Value joined =
        ir.reshape(
            ir.transpose(attended, 0, 2, 1, 3),
            true,
            ir.list(0, 0, queries),
            UNKNOWN,
            UNKNOWN,
            queries);
    return linear(attention.output(), joined);
  }

  private Shared shared(Value pastKeys, Value normed, Value keys, Attention attention) {
    Lengths lengths = lengths(pastKeys, normed);
    Optional<Value> expanded = Optional.empty();
    if (h.heads() != h.keyValueHeads()) {
      Value shape = ir.shapeOf(keys, ElementType.I64);
      Value outer = ir.gather(shape, ir.list(0, 1), ir.number(0), List.of(2L));
      expanded =
          Optional.of(
              ir.concat(
                  0,
                  List.of(
                      outer,
                      ir.list(h.heads() / h.keyValueHeads()),
                      lengths.total,
                      ir.list(h.headSize()))));
    }
    Value mask = mask(lengths);
    return new Shared(mask, floats(List.of(), (float) attention.scale()), expanded);
  }

  /** Every head as often as there are queries to it. */
  private Value repeated(Value x, Shared common) {
    if (common.expanded.isEmpty()) {
      return x;
    }
    long groups = h.heads() / h.keyValueHeads();
    Value stacked =
        ir.broadcast(
            ir.unsqueeze(x, 2),
            common.expanded.get(),
            "bidirectional",
            UNKNOWN,
            (long) h.keyValueHeads(),
            groups,
            UNKNOWN,
            (long) h.headSize());
    return ir.reshape(
        stacked,
        true,
        ir.list(0, h.heads(), -1, h.headSize()),
        UNKNOWN,
        (long) h.heads(),
        UNKNOWN,
        (long) h.headSize());
  }

  private Value columns(Value x, long first, long count, boolean last) {
    return ir.slice(
        x,
        ir.list(first),
        ir.list(last ? Long.MAX_VALUE : first + count),
        2,
        Ir.dimensions(UNKNOWN, UNKNOWN, count));
  }

  /** {@code [batch, heads, sequence, headSize]}. */
  private Value heads(Value x, int heads) {
    Value split =
        ir.reshape(
            x,
            true,
            ir.list(0, 0, heads, h.headSize()),
            UNKNOWN,
            UNKNOWN,
            (long) heads,
            (long) h.headSize());
    return heads == 1 // nothing to exchange
        ? ir.reshape(split, true, ir.list(0, 1, -1, 0), UNKNOWN, 1L, UNKNOWN, (long) h.headSize())
        : ir.transpose(split, 0, 2, 1, 3);
  }

  private Value rotate(Value x, Rotation rotation) {
    long size = h.ropeDimensions();
    long heads = x.shape().get(1);
    List<Long> shape = Ir.dimensions(UNKNOWN, heads, UNKNOWN, size);
    List<Long> halfShape = Ir.dimensions(UNKNOWN, heads, UNKNOWN, size / 2);
    Value turning = ir.slice(x, ir.list(0), ir.list(size), 3, shape);
    Value straight = ir.elementwise("Multiply", turning, rotation.cosine);
    Value upper = ir.slice(turning, ir.list(size / 2), ir.list(Long.MAX_VALUE), 3, halfShape);
    Value minus = ir.convert(ir.integer(-1), ElementType.F32);
    Value negative = ir.elementwise("Multiply", upper, minus);
    Value lower = ir.slice(turning, ir.list(0), ir.list(size / 2), 3, halfShape);
    Value turned = ir.concat(-1, List.of(negative, lower));
    Value sideways = ir.elementwise("Multiply", turned, rotation.sine);
    Value rotated = ir.elementwise("Add", straight, sideways);
    if (size == h.headSize()) {
      return rotated;
    }
    Value rest =
        ir.slice(
            x,
            ir.list(size),
            ir.list(Long.MAX_VALUE),
            3,
            Ir.dimensions(UNKNOWN, heads, UNKNOWN, h.headSize() - size));
    return ir.concat(-1, List.of(rotated, rest));
  }

  /** The cache, in the order of the beams: {@code [batch, heads, past, headSize]}. */
  private Value past(int layer, String part) {
    ir.scope("__module.model.layers." + layer);
    long heads = h.keyValueHeads();
    Value shape =
        ir.concat(0, List.of(batchSize, ir.list(heads), ir.list(0), ir.list(h.headSize())));
    Value empty =
        ir.broadcast(floats(List.of(), 0), shape, "numpy", UNKNOWN, heads, 0L, (long) h.headSize());
    List<Long> dimensions = Ir.dimensions(UNKNOWN, heads, UNKNOWN, h.headSize());
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
          Value both = linear(parts.getFirst(), x);
          ir.scope(name);
          gate = halves(both);
          up = ir.output(gate, 1);
        } else {
          gate = linear(parts.get(0), x);
          up = linear(parts.get(1), x);
          ir.scope(name);
        }
        Value active = ir.map("Swish", "opset4", gate);
        yield linear(gated.down(), ir.elementwise("Multiply", up, active));
      }
      case FeedForward.Gegelu gegelu -> throw Matrices.unknown(gegelu);
      case FeedForward.Plain plain -> {
        Value up = linear(plain.up(), x);
        ir.scope(name);
        Value active =
            ir.add(
                "Gelu",
                "opset7",
                Ir.attributes("approximation_mode", "TANH"),
                List.of(up),
                up.type(),
                up.shape());
        yield linear(plain.down(), active);
      }
      case FeedForward.Experts experts ->
          new ExpertGraph(
                  ir,
                  "__module.model.layers.%d.block_sparse_moe".formatted(index),
                  experts,
                  h.hidden(),
                  (matrix, input) ->
                      linear(
                          matrix,
                          Optional.empty(),
                          input,
                          "__module." + matrix.module(),
                          List.of()))
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

  // --- parameters

  private Value linear(Linear linear, Value x) {
    IrMatrix matrix = IrMatrix.of(linear.weight());
    return linear(linear, x, "__module." + matrix.module(), List.of());
  }

  private Value linear(Linear linear, Value x, String name, List<String> tensorNames) {
    IrMatrix matrix = IrMatrix.of(linear.weight());
    return linear(matrix, linear.bias(), x, name, tensorNames);
  }

  private Value linear(
      IrMatrix matrix, Optional<Vector> bias, Value x, String name, List<String> tensorNames) {
    Value weight = matrix(matrix, "linear", 1);
    String scope = "%s/%s::linear".formatted(name, operations);
    Value product =
        ir.matmul(scope + "/MatMul", x, weight, bias.isPresent() ? List.of() : tensorNames);
    if (bias.isEmpty()) {
      return product;
    }
    ir.scope(scope);
    return ir.add(
        "",
        "Add",
        "opset1",
        Ir.attributes("auto_broadcast", "numpy"),
        List.of(product, bias(matrix.module(), bias.get())),
        product.type(),
        product.shape(),
        tensorNames);
  }

  private Value bias(String module, Vector bias) {
    if (origin == FloatType.F32) {
      return vector(bias);
    }
    Constant constant =
        ir.place(
            "self." + module + "._openvino_orig_bias",
            ElementType.of(origin),
            List.of((long) bias.size()));
    PlannedTensor tensor =
        PlannedTensor.of(constant.name(), Shape.of(bias.size()), Formats.of(origin), bias.parts());
    lay(tensor, RowStore.of(tensor, constant));
    return ir.decompress("", ir.named(constant), ElementType.F32, true);
  }

  /**
   * A matrix, ready to be computed with; the same for all who ask for it.
   *
   * @param use of the matrix, for names
   * @param port of its user, for names
   */
  private Value matrix(IrMatrix matrix, String use, int port) {
    Value known = matrices.get(matrix.name());
    if (known != null) {
      return known;
    }
    String name =
        "self."
            + matrix.module()
            + (origin == FloatType.F32 ? ".weight" : "._openvino_orig_weight");
    Compression compression = compressions.of(matrix);
    // to NNCF its own conversion is none of the checkpoint's
    boolean compressesSingles =
        origin == FloatType.F32 && compression instanceof Compression.Groups;
    Value stored =
        switch (compression) {
          case Compression.Numbers numbers -> numbers(matrix, name, numbers);
          case Compression.Groups groups -> groups(matrix, name, groups, port);
        };
    Value ready =
        stored.type() == ElementType.F32
            ? stored
            : ir.decompress(
                compressesSingles
                    ? name + "/fq_weights_%d/convert".formatted(port)
                    : "__module.%s/%s::%s/Convert".formatted(matrix.module(), operations, use),
                stored,
                ElementType.F32,
                !compressesSingles);
    matrices.put(matrix.name(), ready);
    return ready;
  }

  private Value numbers(IrMatrix matrix, String name, Compression.Numbers numbers) {
    List<Long> shape = Ir.dimensions(matrix.rows(), matrix.columns());
    Constant constant = ir.place(name, ElementType.of(numbers.type()), shape);
    PlannedTensor tensor = planned(matrix, name, numbers.format());
    lay(tensor, RowStore.of(tensor, constant));
    return ir.constant(constant);
  }

  private Value groups(IrMatrix matrix, String name, Compression.Groups groups, int port) {
    long rows = matrix.rows();
    long perRow = matrix.columns() / groups.size();
    List<Long> shape =
        groups.cutsRows()
            ? Ir.dimensions(rows, perRow, groups.size())
            : Ir.dimensions(rows, groups.size());
    List<Long> scaleShape =
        groups.cutsRows() ? Ir.dimensions(rows, perRow, 1) : Ir.dimensions(rows, 1);
    Constant codes = ir.place(name, groups.codes(), shape);
    Value numbers = ir.convert(ir.constant(codes), ElementType.F16);
    Optional<Constant> zeros = Optional.empty();
    if (groups.zeros()) {
      Constant zeroPoints = ir.place(name + "/zero_point", groups.codes(), scaleShape);
      zeros = Optional.of(zeroPoints);
      Value subtrahend = ir.convert(ir.constant(zeroPoints), ElementType.F16);
      numbers = ir.elementwise(name + "/zero_point/subtract", "Subtract", numbers, subtrahend);
    }
    Constant scales = ir.place(name + "/scale", groups.scales(), scaleShape);
    Value scale = ir.constant(scales);
    if (groups.scales() != ElementType.F16) {
      scale = ir.convert(scale, ElementType.F16);
    }
    Value product = ir.elementwise(name + "/fq_weights_" + port, "Multiply", numbers, scale);
    PlannedTensor tensor = planned(matrix, name, groups.format()).with(groups.recoding());
    lay(
        tensor,
        switch (groups.format()) {
          case GroupInt format ->
              RowStore.of(
                  tensor,
                  format,
                  codes,
                  scales,
                  zeros,
                  !format.hasZeros(), // the middle code is stored as 0
                  false);
          case GroupFloat format -> RowStore.of(tensor, format, codes, scales);
          case Format other -> throw new IllegalArgumentException(other.name());
        });
    return groups.cutsRows()
        ? ir.reshape(product, false, ir.list(rows, matrix.columns()), rows, (long) matrix.columns())
        : product;
  }

  private static PlannedTensor planned(IrMatrix matrix, String name, Format format) {
    return PlannedTensor.of(
        name,
        Shape.of(matrix.rows(), matrix.columns()),
        format,
        List.of(new Rows(matrix.weight(), matrix.first(), matrix.rows())));
  }

  /** A tensor whose slots are constants, which know where they are. */
  private void lay(PlannedTensor tensor, Store store) {
    for (Slot slot : store.slots()) {
      layout.place(slot, OpenvinoTarget.DATA, ((Constant) slot).offset());
    }
    layout.region(tensor, store);
  }
}
