package dev.phial.targets.openvino;

import java.util.List;

/**
 * A stretch of the file beside the graph.
 *
 * @param offset in bytes
 */
record Constant(String name, ElementType type, List<Long> shape, long offset) {
  Constant {
    shape = List.copyOf(shape);
  }

  long bytes() {
    return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
  }
}
