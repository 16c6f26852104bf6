package dev.phial.targets.litert;

import java.util.List;

/**
 * A tensor of a {@link Subgraph}.
 *
 * @param index in it
 * @param shape outermost dimension first
 */
record Value(int index, ElementType type, List<Integer> shape) {
  Value {
    shape = List.copyOf(shape);
  }

  int rank() {
    return shape.size();
  }

  int size(int axis) {
    return shape.get(axis);
  }
}
