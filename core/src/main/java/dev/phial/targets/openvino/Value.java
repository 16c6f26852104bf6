package dev.phial.targets.openvino;

import java.util.ArrayList;
import java.util.List;

/**
 * What a layer puts out.
 *
 * @param layer its number
 * @param port of the layer
 * @param shape -1 where only running it tells
 */
record Value(int layer, int port, ElementType type, List<Long> shape) {
  static final long UNKNOWN = -1;

  Value {
    shape = List.copyOf(shape);
  }

  /** The shape of an operation on the elements of both, by the rules of NumPy. */
  List<Long> broadcast(Value other) {
    int rank = Math.max(shape.size(), other.shape.size());
    List<Long> result = new ArrayList<>();
    for (int i = 0; i < rank; i++) {
      long a = dimension(i - rank + shape.size());
      long b = other.dimension(i - rank + other.shape.size());
      result.add(a == 1 ? b : b == 1 || b == UNKNOWN ? a : b);
    }
    return result;
  }

  private long dimension(int index) {
    return index < 0 ? 1 : shape.get(index);
  }
}
