package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.number;

import dev.phial.PhialException;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.quant.method.PairSafe;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * Products of activations and weights that are both rounded to 8 bits: QuantizeLinear and
 * DequantizeLinear before a MatMul and DequantizeLinear of its weights, which ONNX Runtime turns
 * into one product of integers.
 */
final class RoundedProducts {
  private static final int BITS = 8;

  private final Nodes nodes;
  private final Optional<ActivationRanges> ranges;
  private final Set<String> left; // nodes to leave alone that have not been met
  private final Set<String> excluded;
  private final Map<String, String> rounded = new HashMap<>();
  private final Set<String> plain = new HashSet<>();
  private final Map<ActivationPlace, ActivationCodes> activations = new HashMap<>();

  /**
   * @param ranges empty if the graph is only planned
   * @param excluded nodes that compute with what they are given
   */
  RoundedProducts(Nodes nodes, Optional<ActivationRanges> ranges, Set<String> excluded) {
    this.nodes = nodes;
    this.ranges = ranges;
    this.excluded = excluded;
    this.left = new TreeSet<>(excluded);
  }

  /** Of a graph in which nothing is rounded. */
  static RoundedProducts none(Nodes nodes) {
    return new RoundedProducts(nodes, Optional.empty(), Set.of());
  }

  /** Whether a MatMul stays as it is. */
  boolean excludes(String node, String input) {
    boolean isExcluded = excluded.contains(node);
    left.remove(node);
    if (isExcluded) {
      plain.add(input);
    }
    if (isExcluded ? rounded.containsKey(input) : plain.contains(input)) {
      throw new PhialException.Usage(
          "--%s %s: expected all nodes that read the same activations, or none of them"
              .formatted(OnnxOptions.EXCLUDED, isExcluded ? node : excluded));
    }
    return isExcluded;
  }

  /** Activations as their codes give them back. */
  String rounded(String activations, ActivationPlace place) {
    return rounded.computeIfAbsent(activations, value -> round(value, place));
  }

  /** What activations are rounded to so far. */
  Map<ActivationPlace, ActivationCodes> activations() {
    return activations;
  }

  private String round(String value, ActivationPlace place) {
    ActivationCodes codes =
        ranges
            .map(known -> ActivationCodes.of(known.range(place), BITS))
            .orElse(new ActivationCodes(BITS, 1, 0));
    activations.put(place, codes);
    String base = value.replace("/output_0", "");
    String scale = nodes.real(base + "/scale", codes.scale());
    String zero = nodes.unsigned(base + "/zero_point", codes.zero());
    String quantized =
        nodes.add("QuantizeLinear", base + "/QuantizeLinear", List.of(value, scale, zero));
    return nodes.add(
        "DequantizeLinear", base + "/DequantizeLinear", List.of(quantized, scale, zero));
  }

  /** The format of weights with so many columns. */
  static GroupInt format(long columns) {
    return new GroupInt(BITS, Math.toIntExact(columns), FloatType.F32, new PairSafe());
  }

  /**
   * Multiplies.
   *
   * @param input rounded
   * @param weights codes and scales
   */
  void multiply(String name, String input, List<Initializer> weights, String output) {
    String matrix =
        nodes.add(
            "DequantizeLinear",
            name + "/weight/DequantizeLinear",
            weights.stream().map(Initializer::name).toList(),
            number("axis", 1));
    nodes.add("", "MatMul", name, List.of(input, matrix), List.of(output));
  }

  /**
   * @throws PhialException.Usage if there was no such node
   */
  void checkExcluded() {
    if (!left.isEmpty()) {
      throw new PhialException.Usage(
          "--%s: expected the name of a MatMul such as /lm_head/MatMul, found %s"
              .formatted(OnnxOptions.EXCLUDED, String.join(", ", left)));
    }
  }
}
