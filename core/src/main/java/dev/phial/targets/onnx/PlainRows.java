package dev.phial.targets.onnx;

import dev.phial.quant.FloatType;
import java.util.List;

/** Numbers row by row: {@code [rows, columns]}, or a vector as rows of one element. */
final class PlainRows extends Storage {
  private final Initializer initializer;
  private final long columns;
  private final FloatType type;

  PlainRows(Initializer initializer, long columns, FloatType type) {
    super(List.of(initializer));
    this.initializer = initializer;
    this.columns = columns;
    this.type = type;
  }

  @Override
  FloatType type() {
    return type;
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int rows) {
    int count = Math.toIntExact(rows * columns);
    Overflow.check(initializer.name(), type, x, from, count);
    byte[] bytes = new byte[count * type.bytes()];
    for (int i = 0; i < count; i++) {
      type.put(bytes, i * type.bytes(), x[from + i]);
    }
    file.write(initializer, bytes, row * columns * type.bytes());
  }
}
