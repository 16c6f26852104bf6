package dev.phial.targets.onnx;

import java.util.List;

/** A tensor of the data file. */
record Initializer(String name, OnnxType type, List<Long> dimensions) {
  Initializer {
    dimensions = List.copyOf(dimensions);
  }

  static Initializer of(String name, OnnxType type, long... dimensions) {
    return new Initializer(name, type, java.util.Arrays.stream(dimensions).boxed().toList());
  }

  long bytes() {
    return type.bytes(dimensions.stream().reduce(1L, Math::multiplyExact));
  }
}
