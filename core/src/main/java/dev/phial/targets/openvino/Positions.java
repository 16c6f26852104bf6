package dev.phial.targets.openvino;

import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.Rotary;
import java.util.List;
import java.util.Optional;

/** What follows from where tokens stand: which attend to which, and by how much heads turn. */
final class Positions {
  private static final long UNKNOWN = Value.UNKNOWN;
  private static final float MASKED = -65504;

  private final Ir ir;
  private final Hyperparameters h;
  private final Parameters parameters;
  private final Value attentionMask;
  private final Value positions;

  /** Cosines and sines of the positions. */
  record Rotation(Value cosine, Value sine) {}

  /**
   * @param past tokens in the cache
   * @param batch how many texts
   * @param sequence tokens that come now
   * @param sequenceList the same, {@code [1]}
   * @param total both together, {@code [1]}
   */
  record Lengths(Value past, Value batch, Value sequence, Value sequenceList, Value total) {}

  Positions(Ir ir, Hyperparameters h, Parameters parameters, Value attentionMask, Value positions) {
    this.ir = ir;
    this.h = h;
    this.parameters = parameters;
    this.attentionMask = attentionMask;
    this.positions = positions;
  }

  Lengths lengths(Value keys, Value normed) {
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
  Value mask(Lengths lengths) {
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
    if (h.attention().slidingWindow().isPresent()) {
      Value back = ir.longs(Ir.dimensions(1, 1, 1, 1), -h.attention().slidingWindow().get());
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
    Value mask =
        ir.select(all, parameters.floats(List.of(), 0), parameters.floats(List.of(), MASKED));
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
  Rotation rotation() {
    ir.scope("__module.model.rotary_emb");
    long half = h.rope().dimensions() / 2;
    Value frequencies;
    Optional<Value> scale = Optional.empty();
    if (h.rope().longRope().isPresent()) {
      LongRope rope = h.rope().longRope().get();
      Value last = ir.reduce("ReduceMax", positions, ir.ints(List.of(2L), 0, 1), false, List.of());
      Value length = ir.elementwise("Add", last, ir.number(1));
      Value isLong = ir.compare("Greater", length, ir.number(h.rope().originalContext()));
      Value factors =
          ir.select(
              isLong,
              parameters.floats(List.of(half), numbers(rope.longFactors())),
              parameters.floats(List.of(half), numbers(rope.shortFactors())));
      Value wavelengths =
          ir.elementwise(
              "Multiply", factors, parameters.floats(List.of(half), Rotary.wavelengths(h)));
      Value inverse = ir.elementwise("Power", wavelengths, parameters.floats(List.of(1L), -1));
      frequencies = ir.unsqueeze(ir.unsqueeze(inverse, 0), 2);
      scale = scale(isLong, Rotary.of(h, true).scale(), Rotary.of(h, false).scale());
    } else {
      frequencies = parameters.floats(Ir.dimensions(1, half, 1), Rotary.of(h, false).frequencies());
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
      return Optional.of(
          ir.select(isLong, parameters.floats(one, longScale), parameters.floats(one, shortScale)));
    }
    return longScale == 1 ? Optional.empty() : Optional.of(parameters.floats(one, longScale));
  }

  private Value scaled(Value x, Optional<Value> scale) {
    return scale.isEmpty() ? x : ir.elementwise("Multiply", x, scale.get());
  }

  Value rotate(Value x, Rotation rotation) {
    long size = h.rope().dimensions();
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
    if (size == h.attention().headSize()) {
      return rotated;
    }
    Value rest =
        ir.slice(
            x,
            ir.list(size),
            ir.list(Long.MAX_VALUE),
            3,
            Ir.dimensions(UNKNOWN, heads, UNKNOWN, h.attention().headSize() - size));
    return ir.concat(-1, List.of(rotated, rest));
  }

  private static float[] numbers(List<Double> values) {
    float[] result = new float[values.size()];
    for (int i = 0; i < result.length; i++) {
      result[i] = (float) (double) values.get(i);
    }
    return result;
  }
}
