package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.number;

import dev.phial.PhialException;
import dev.phial.graph.FeedForward;
import dev.phial.quant.FloatType;
import java.util.List;
import java.util.stream.LongStream;

/**
 * PhiMoE's router in plain operators, since only some providers know it: the best expert weighs as
 * its softmax among the scores close to it, then the best of the others among those close to that
 * one; the two weights are not scaled to a sum of one.
 */
final class SparseMixer {
  /** Its exponential is zero in every type. */
  private static final double NEVER = -3e4;

  /**
   * What MoE operators take: their softmax over {@code logits} gives the weights up to a factor.
   *
   * @param logits {@code [tokens, experts]}
   * @param factor {@code [batch, sequence, 1]}
   */
  record Routing(String logits, String factor) {}

  private final Nodes nodes;
  private final String name;
  private final FeedForward.Experts experts;

  private SparseMixer(Nodes nodes, String name, FeedForward.Experts experts) {
    this.nodes = nodes;
    this.name = name;
    this.experts = experts;
  }

  /**
   * @param scores {@code [batch, sequence, experts]}
   */
  static Routing add(
      Nodes nodes, String name, FeedForward.Experts experts, String scores, FloatType type) {
    if (experts.used() != 2) {
      throw new PhialException.Unsupported(
          "the router of PhiMoE picks two experts per token, found num_experts_per_tok "
              + experts.used());
    }
    return new SparseMixer(nodes, name, experts).add(scores, type);
  }

  private Routing add(String raw, FloatType type) {
    int count = (int) experts.router().outputs();
    String scores = type == FloatType.F32 ? raw : cast("scores", raw, OnnxType.FLOAT);
    String none = nodes.real(Double.NEGATIVE_INFINITY);
    String first = isBest("first", scores, count);
    String firstWeight = weight("first", scores, scores, first);
    String others = nodes.add("Where", name + "/others", List.of(first, none, scores));
    String second = isBest("second", others, count);
    String secondWeight = weight("second", scores, others, second);
    String factor = nodes.add("Add", name + "/Add", List.of(firstWeight, secondWeight));
    String rest =
        nodes.add(
            "Where",
            name + "/second/Where_1",
            List.of(second, log("second", secondWeight), nodes.real(NEVER)));
    String logits =
        nodes.add(
            "Where", name + "/first/Where_1", List.of(first, log("first", firstWeight), rest));
    String flat = nodes.add("Reshape", name + "/Reshape", List.of(logits, nodes.list(-1, count)));
    return type == FloatType.F32
        ? new Routing(flat, factor)
        : new Routing(
            cast("logits", flat, OnnxType.of(type)), cast("factor", factor, OnnxType.of(type)));
  }

  private String isBest(String which, String scores, int count) {
    String best =
        nodes.add(
            "ArgMax",
            name + "/" + which + "/ArgMax",
            List.of(scores),
            number("axis", -1),
            number("keepdims", 1));
    String all = nodes.list(LongStream.range(0, count).toArray());
    return nodes.add("Equal", name + "/" + which + "/Equal", List.of(all, best));
  }

  /** The softmax of the best among the candidates whose scores are close to it. */
  private String weight(String which, String scores, String candidates, String best) {
    String path = name + "/" + which;
    String most =
        nodes.add(
            "ReduceMax",
            path + "/ReduceMax",
            List.of(candidates, nodes.list(-1)),
            number("keepdims", 1));
    String distance = nodes.add("Sub", path + "/Sub", List.of(most, scores));
    String size = nodes.add("Abs", path + "/Abs", List.of(scores));
    String unit = nodes.add("Max", path + "/Max", List.of(size, most));
    String relative = nodes.add("Div", path + "/Div", List.of(distance, unit));
    String isFar =
        nodes.add(
            "Greater", path + "/Greater", List.of(relative, nodes.real(2 * experts.jitter())));
    String close =
        nodes.add(
            "Where",
            path + "/Where",
            List.of(isFar, nodes.real(Double.NEGATIVE_INFINITY), candidates));
    String weights = nodes.add("Softmax", path + "/Softmax", List.of(close), number("axis", -1));
    String only = nodes.add("Where", path + "/Only", List.of(best, weights, nodes.real(0)));
    return nodes.add(
        "ReduceSum", path + "/ReduceSum", List.of(only, nodes.list(-1)), number("keepdims", 1));
  }

  private String log(String which, String weight) {
    return nodes.add("Log", name + "/" + which + "/Log", List.of(weight));
  }

  private String cast(String what, String input, OnnxType to) {
    return nodes.add(
        "Cast", name + "/" + what + "/Cast", List.of(input), number("to", to.number()));
  }
}
