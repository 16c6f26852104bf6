package dev.phial.targets.onnx;

import dev.phial.quant.TensorInt;
import java.util.List;

/** Integers row by row with one scale for the whole tensor. */
final class EncodedRows extends Storage {
  private final TensorInt format;
  private final int columns;

  EncodedRows(Initializer initializer, long columns, TensorInt format) {
    super(List.of(initializer));
    this.format = format;
    this.columns = Math.toIntExact(columns);
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int rows) {
    byte[] bytes = new byte[rows * columns * format.blockBytes()];
    format.encode(x, from, rows * columns, bytes, 0);
    file.write(initializers().getFirst(), bytes, row * columns * format.blockBytes());
  }
}
