package dev.phial.targets.onnx;

import java.util.List;

/** What is known before any parameter comes. */
final class FixedBytes extends Storage {
  private final byte[] bytes;

  FixedBytes(Initializer initializer, byte[] bytes) {
    super(List.of(initializer));
    this.bytes = bytes;
  }

  @Override
  void begin(DataFile file) {
    file.write(initializers().getFirst(), bytes, 0);
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int rows) {
    throw new AssertionError("no parameter belongs here");
  }
}
