package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.number;

import dev.phial.quant.FloatType;
import java.util.List;

/**
 * The activation of Phi-3-small: of every two inputs the first goes through quick GELU, the second,
 * plus one, is multiplied with it. Both are clipped first, unless they are infinite.
 */
final class Gegelu {
  private final Nodes nodes;
  private final String name;
  private final String input;
  private final FloatType type;

  private Gegelu(Nodes nodes, String name, String input, FloatType type) {
    this.nodes = nodes;
    this.name = name;
    this.input = input;
    this.type = type;
  }

  /**
   * @param name of the layer's nodes
   * @param input {@code [batch, tokens, 2 * feedForward]}
   * @return {@code [batch, tokens, feedForward]}
   */
  static String add(Nodes nodes, String name, String input, double limit, FloatType type) {
    return new Gegelu(nodes, name, input, type).add(limit);
  }

  private String add(double limit) {
    String highest = nodes.real(type, limit);
    String gate = clipped(name + "/gelu", 0, List.of("", highest));
    String active = name + "/act_fn/QuickGelu/output_0";
    nodes.add(MICROSOFT, "QuickGelu", name + "/act_fn/QuickGelu", List.of(gate), List.of(active));
    String linear = clipped(name + "/linear", 1, List.of(nodes.real(type, -limit), highest));
    String more = nodes.add("Add", name + "/linear/Add", List.of(linear, nodes.real(type, 1)));
    return nodes.add("Mul", name + "/Mul", List.of(active, more));
  }

  /** Every second input from {@code first}. */
  private String clipped(String path, long first, List<String> limits) {
    String slice =
        nodes.add(
            "Slice",
            path + "/Slice",
            List.of(
                input,
                nodes.list(first),
                nodes.list(Long.MAX_VALUE),
                nodes.list(-1),
                nodes.list(2)));
    String wide =
        nodes.add("Cast", path + "/Cast", List.of(slice), number("to", OnnxType.FLOAT.number()));
    String isInfinite = nodes.add("IsInf", path + "/IsInf", List.of(wide));
    String clip =
        nodes.add("Clip", path + "/Clip", List.of(slice, limits.getFirst(), limits.getLast()));
    return nodes.add("Where", path + "/Where", List.of(isInfinite, slice, clip));
  }
}
