package dev.phial.targets.onnx;

import java.util.Comparator;
import java.util.List;
import java.util.stream.Collectors;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;

/** The nodes of a graph, a line each, as {@code tools/make-onnx-golden.py} spells them. */
final class GraphLines {
  private GraphLines() {}

  static List<String> of(GraphProto graph) {
    return graph.getNodeList().stream().map(GraphLines::line).toList();
  }

  private static String line(NodeProto node) {
    String domain = node.getDomain().isEmpty() ? "" : node.getDomain() + ".";
    return "%s%s %s (%s) -> (%s) %s"
        .formatted(
            domain,
            node.getOpType(),
            node.getName(),
            String.join(", ", node.getInputList()),
            String.join(", ", node.getOutputList()),
            node.getAttributeList().stream()
                .sorted(Comparator.comparing(AttributeProto::getName))
                .map(GraphLines::attribute)
                .collect(Collectors.joining(" ")))
        .strip();
  }

  /** Values of tensors are left to others. */
  private static String attribute(AttributeProto attribute) {
    String value =
        switch (attribute.getType()) {
          case INT -> "=" + attribute.getI();
          case FLOAT -> "=" + shortest(attribute.getF());
          case STRING -> "=" + attribute.getS().toStringUtf8();
          case INTS -> "=" + joined(attribute.getIntsList());
          case GRAPH -> "={%s}".formatted(String.join("; ", of(attribute.getG())));
          default -> "";
        };
    return attribute.getName() + value;
  }

  private static String joined(List<Long> numbers) {
    return numbers.stream().map(String::valueOf).collect(Collectors.joining(","));
  }

  /** As Python's {@code %.6g}. */
  private static String shortest(float value) {
    String text = "%.6g".formatted(value);
    return text.contains(".") ? text.replaceFirst("\\.?0+(e|$)", "$1") : text;
  }
}
