package dev.phial.targets.onnx;

import dev.phial.targets.layout.Slot;
import java.util.List;

/** A tensor of the data file. */
record Initializer(String name, OnnxType type, List<Long> dimensions) implements Slot {
  Initializer {
    dimensions = List.copyOf(dimensions);
  }

  static Initializer of(String name, OnnxType type, long... dimensions) {
    return new Initializer(name, type, java.util.Arrays.stream(dimensions).boxed().toList());
  }

  @Override
  public long bytes() {
    return type.bytes(dimensions.stream().reduce(1L, Math::multiplyExact));
  }
}
