package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.graph.FeedForward;
import java.util.List;

/**
 * A mixture of experts: SparseMixer picks two for every token, each expert computes its tokens, and
 * the results are added up. Operations are those of optimum-intel's export, without its detours.
 */
final class ExpertGraph {
  private static final long UNKNOWN = Value.UNKNOWN;
  private static final int USED = 2;

  private final Ir ir;
  private final String scope;
  private final FeedForward.Experts experts;
  private final Product product;
  private final long count;
  private final long hidden;

  /** {@code x Wᵀ} with a matrix of the model. */
  interface Product {
    Value of(IrMatrix matrix, Value x);
  }

  /** What an expert is told about a token: who it is, and how much it counts. */
  private record Choice(Value index, Value weight) {}

  ExpertGraph(Ir ir, String scope, FeedForward.Experts experts, long hidden, Product product) {
    if (experts.used() != USED) {
      throw new PhialException.Unsupported(
          "expected %d experts per token, as SparseMixer picks them, found %d"
              .formatted(USED, experts.used()));
    }
    if (experts.router().bias().isPresent()) {
      throw new PhialException.Unsupported("expected a router without bias, found one with it");
    }
    this.ir = ir;
    this.scope = scope;
    this.experts = experts;
    this.product = product;
    this.count = experts.router().outputs();
    this.hidden = hidden;
  }

  /**
   * @param x {@code [batch, sequence, hidden]}
   */
  Value write(Value x) {
    ir.scope(scope);
    Value tokens = ir.reshape(x, false, ir.list(-1, hidden), UNKNOWN, hidden);
    Value scores = product.of(IrMatrix.of(experts.router().weight()), tokens);
    ir.scope(scope);
    Choice first = best(scores, scores);
    Value rest = without(scores, first);
    Choice second = best(scores, rest);
    Value weights = ir.concat(-1, List.of(first.weight, second.weight));
    Value flatWeights = ir.reshape(weights, false, ir.list(-1), UNKNOWN);
    Value chosen = chosen(ir.concat(-1, List.of(first.index, second.index)));
    Value sum =
        ir.broadcast(ir.real(0), ir.shapeOf(tokens, ElementType.I64), "numpy", UNKNOWN, hidden);
    for (int expert = 0; expert < count; expert++) {
      sum = added(sum, expert, tokens, chosen, flatWeights);
    }
    return ir.reshape(sum, false, ir.shapeOf(x, ElementType.I64), UNKNOWN, UNKNOWN, hidden);
  }

  /**
   * The best of the candidates, and its share among those that are nearly as good.
   *
   * @param candidates the scores, without those that are taken
   */
  private Choice best(Value scores, Value candidates) {
    List<Long> one = Ir.dimensions(UNKNOWN, 1);
    Value top =
        ir.add(
            "",
            "TopK",
            "opset11",
            Ir.attributes(
                "axis",
                -1,
                "mode",
                "max",
                "sort",
                "none",
                "index_element_type",
                "i64",
                "stable",
                false),
            List.of(candidates, ir.integer(1)),
            List.of(
                new Layer.Output(ElementType.F32, one, List.of()),
                new Layer.Output(ElementType.I64, one, List.of())),
            List.of());
    Value index = ir.output(top, 1);
    Value largest = ir.reduce("ReduceMax", candidates, ir.number(-1), true, one);
    Value distance = ir.elementwise("Subtract", largest, scores);
    Value size = ir.elementwise("Maximum", ir.map("Abs", "opset1", scores), largest);
    Value isFar =
        ir.compare(
            "Greater",
            ir.divide(distance, size),
            ir.floats(Ir.dimensions(1, 1), (float) (2 * experts.jitter())));
    Value near = ir.select(isFar, ir.real(Float.NEGATIVE_INFINITY), candidates);
    Value shares =
        ir.add(
            "SoftMax",
            "opset8",
            Ir.attributes("axis", -1),
            List.of(near),
            ElementType.F32,
            Ir.dimensions(UNKNOWN, count));
    Value share =
        ir.add(
            "GatherElements",
            "opset6",
            Ir.attributes("axis", -1),
            List.of(shares, ir.convert(index, ElementType.I32)),
            ElementType.F32,
            one);
    return new Choice(index, share);
  }

  private Value without(Value scores, Choice taken) {
    Value index = ir.convert(taken.index, ElementType.I32);
    Value lowest =
        ir.broadcast(
            ir.real(Float.NEGATIVE_INFINITY),
            ir.shapeOf(index, ElementType.I32),
            "numpy",
            UNKNOWN,
            1L);
    return scatter(scores, index, lowest, ir.number(-1), "none");
  }

  /** For every expert, whether it is a token's first or second: {@code [experts, 2, tokens]}. */
  private Value chosen(Value indices) {
    Value hot =
        ir.add(
            "OneHot",
            "opset1",
            Ir.attributes("axis", 2),
            List.of(indices, ir.number(count), ir.number(1), ir.number(0)),
            ElementType.I64,
            Ir.dimensions(UNKNOWN, USED, count));
    return ir.transpose(hot, 2, 1, 0);
  }

  /** Adds what an expert makes of its tokens. */
  private Value added(Value sum, int expert, Value tokens, Value chosen, Value weights) {
    Value mine = ir.gather(chosen, ir.number(expert), ir.number(0), Ir.dimensions(USED, UNKNOWN));
    Value places =
        ir.add(
            "NonZero",
            "opset3",
            Ir.attributes("output_type", "i64"),
            List.of(mine),
            ElementType.I64,
            Ir.dimensions(2, UNKNOWN));
    Layer.Output row = new Layer.Output(ElementType.I64, Ir.dimensions(1, UNKNOWN), List.of());
    Value split =
        ir.add(
            "",
            "Split",
            "opset1",
            Ir.attributes("num_splits", 2),
            List.of(places, ir.integer(0)),
            List.of(row, row),
            List.of());
    Value rank = flat(split);
    Value token = flat(ir.output(split, 1));
    Value x = ir.gather(tokens, token, ir.integer(0), Ir.dimensions(UNKNOWN, hidden));
    Value gate = product.of(IrMatrix.ofExpert(experts.gate(), expert), x);
    ir.scope(scope);
    Value active = ir.map("Swish", "opset4", gate);
    Value up = product.of(IrMatrix.ofExpert(experts.up(), expert), x);
    ir.scope(scope);
    Value both = ir.elementwise("Multiply", active, up);
    Value made = product.of(IrMatrix.ofExpert(experts.down(), expert), both);
    ir.scope(scope);
    Value place = ir.elementwise("Add", rank, ir.elementwise("Multiply", token, ir.integer(USED)));
    Value weight = ir.gather(weights, place, ir.integer(0), List.of(UNKNOWN));
    Value weighted =
        ir.elementwise("Multiply", made, ir.reshape(weight, false, ir.list(-1, 1), UNKNOWN, 1L));
    Value column = ir.reshape(token, false, ir.list(-1, 1), UNKNOWN, 1L);
    Value index =
        ir.broadcast(
            column, ir.shapeOf(weighted, ElementType.I32), "bidirectional", UNKNOWN, hidden);
    return scatter(sum, index, weighted, ir.number(0), "sum");
  }

  private Value flat(Value row) {
    Value list =
        ir.add(
            "Squeeze",
            "opset1",
            Ir.attributes(),
            List.of(row, ir.integer(0)),
            ElementType.I64,
            List.of(UNKNOWN));
    return ir.convert(list, ElementType.I32);
  }

  private Value scatter(Value to, Value index, Value updates, Value axis, String reduction) {
    return ir.add(
        "ScatterElementsUpdate",
        "opset12",
        Ir.attributes("reduction", reduction, "use_init_val", true),
        List.of(to, index, updates, axis),
        to.type(),
        to.shape());
  }
}
