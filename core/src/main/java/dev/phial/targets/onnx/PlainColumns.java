package dev.phial.targets.onnx;

import dev.phial.quant.FloatType;
import java.nio.ByteBuffer;
import java.util.List;

/** Numbers of the transposed matrix, {@code [columns, rows]}, as MatMul wants its weights. */
final class PlainColumns extends Storage {
  private final Initializer initializer;
  private final long rows;
  private final int columns;
  private final FloatType type;
  private final Panels<byte[]> panels; // [columns][Panels.WIDTH]

  PlainColumns(String name, long rows, long columns, FloatType type) {
    super(List.of(Initializer.of(name, OnnxType.of(type), columns, rows)));
    this.initializer = initializers().getFirst();
    this.rows = rows;
    this.columns = Math.toIntExact(columns);
    this.type = type;
    this.panels = new Panels<>(rows, () -> new byte[this.columns * Panels.WIDTH * type.bytes()]);
  }

  @Override
  FloatType type() {
    return type;
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int count) {
    Overflow.check(initializer.name(), type, x, from, count * columns);
    panels.accept(
        row,
        count,
        (content, column, offset, part) -> {
          for (int k = 0; k < columns; k++) {
            int to = (k * Panels.WIDTH + column) * type.bytes();
            for (int i = 0; i < part; i++) {
              type.put(content, to + i * type.bytes(), x[from + (offset + i) * columns + k]);
            }
          }
        },
        panel -> {
          for (int k = 0; k < columns; k++) {
            file.write(
                initializer,
                ByteBuffer.wrap(
                    panel.content, k * Panels.WIDTH * type.bytes(), panel.width * type.bytes()),
                (k * rows + panel.first) * type.bytes());
          }
        });
  }
}
