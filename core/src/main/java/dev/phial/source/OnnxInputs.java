package dev.phial.source;

import dev.phial.source.OnnxGraph.Node;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** The tensors of a graph as its nodes take them, and which of them have been taken. */
final class OnnxInputs {
  private static final List<DType> FLOATS = List.of(DType.F32, DType.F16, DType.BF16);

  private final Path file;
  private final OnnxGraph graph;
  private final Map<String, Node> producers = new HashMap<>();
  private final Set<String> used = new HashSet<>();

  /**
   * @throws dev.phial.PhialException.BadInput if a value is computed twice
   */
  OnnxInputs(Path file, OnnxGraph graph) {
    this.file = file;
    this.graph = graph;
    for (Node node : graph.nodes()) {
      for (String output : node.outputs()) {
        if (!output.isEmpty() && producers.put(output, node) != null) {
          throw Refusal.bad(file, "expected value %s to be computed once, found it again", output);
        }
      }
    }
  }

  Path file() {
    return file;
  }

  /** The node that computes each value. */
  Map<String, Node> producers() {
    return producers;
  }

  /** Counts a tensor as taken. */
  void use(Tensor tensor) {
    used.add(tensor.name());
  }

  boolean isUsed(Tensor tensor) {
    return used.contains(tensor.name());
  }

  /** Counts those of a node's inputs as taken that are tensors of the graph. */
  void take(Node node, int... inputs) {
    for (int input : inputs) {
      constant(node.input(input)).ifPresent(tensor -> used.add(tensor.name()));
    }
  }

  /** The tensor of the graph by that name, if it is one. */
  Optional<Tensor> constant(String name) {
    return Optional.ofNullable(graph.initializers().get(name));
  }

  /** An input that must be a tensor of the graph. */
  Tensor need(Node node, int input) {
    return optional(node, input)
        .orElseThrow(() ->
            Refusal.unsupported(
                file,
                "node %s: expected a tensor of the graph as input %d, found %s",
                node.name(),
                input,
                node.input(input).isEmpty() ? "none" : node.input(input)));
  }

  /** An input that may be missing; if it is there, it must be a tensor of the graph. */
  Optional<Tensor> optional(Node node, int input) {
    if (node.input(input).isEmpty()) {
      return Optional.empty();
    }
    Tensor tensor =
        constant(node.input(input))
            .orElseThrow(() ->
                Refusal.unsupported(
                    file,
                    "node %s: expected a tensor of the graph as input %d, found %s",
                    node.name(),
                    input,
                    node.input(input)));
    used.add(tensor.name());
    return Optional.of(tensor);
  }

  boolean isDequantized(String value) {
    Node producer = producers.get(value);
    return producer != null && producer.op().equals("DequantizeLinear");
  }

  /** The integers of the graph that an input stands for. */
  Tensor integers(Node node, int input) {
    Node producer = producers.get(node.input(input));
    Tensor codes =
        Optional.ofNullable(producer)
            .filter(found -> found.op().equals("DequantizeLinear"))
            .flatMap(found -> constant(found.input(0)))
            .orElseThrow(() ->
                Refusal.unsupported(
                    file,
                    "node %s: expected integers of the graph as input %d, found %s",
                    node.name(),
                    input,
                    node.input(input).isEmpty() ? "none" : node.input(input)));
    used.add(codes.name());
    return codes;
  }

  void expect(Node node, Tensor tensor, Encoding encoding, long rows, long columns) {
    if (!tensor.encoding().equals(encoding)
        || tensor.shape().elements() % columns != 0
        || tensor.shape().elements() / columns != rows) {
      throw Refusal.bad(
          file,
          "tensor %s: expected %s [%d, %d], which is what node %s takes, found %s %s",
          tensor.name(),
          encoding.name(),
          rows,
          columns,
          node.name(),
          tensor.encoding().name(),
          tensor.shape());
    }
  }

  void expectFloats(Node node, Tensor tensor, long rows, long columns) {
    expect(node, tensor, isFloat(tensor) ? tensor.encoding() : DType.F32, rows, columns);
  }

  static Tensor reshape(Tensor tensor, Encoding encoding, Shape shape) {
    return new Tensor(tensor.file(), tensor.name(), encoding, shape, tensor.data());
  }

  static boolean isFloat(Tensor tensor) {
    return FLOATS.contains(tensor.encoding());
  }

  static boolean isBlock(long size) {
    return size >= 16 && size <= 1 << 20 && Long.bitCount(size) == 1;
  }
}
