package dev.phial.targets.openvino;

import dev.phial.targets.layout.Slot;
import java.util.List;

/**
 * A stretch of the file beside the graph.
 *
 * @param offset in bytes
 */
record Constant(String name, ElementType type, List<Long> shape, long offset) implements Slot {
  Constant {
    shape = List.copyOf(shape);
  }

  @Override
  public long bytes() {
    return type.bytes(shape.stream().reduce(1L, Math::multiplyExact));
  }
}
