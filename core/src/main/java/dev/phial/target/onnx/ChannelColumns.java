package dev.phial.target.onnx;

import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.method.GroupCodes;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * 8-bit codes of the transposed matrix, {@code [columns, rows]}, signed, with one scale for each of
 * its columns, {@code [rows]}: what DequantizeLinear along the second axis reads.
 */
final class ChannelColumns extends Storage {
  private final GroupInt format;
  private final long rows;
  private final int columns;
  private final Panels<byte[]> panels; // [columns][Panels.WIDTH]

  /**
   * @param format whose groups are rows
   */
  ChannelColumns(String weight, long rows, GroupInt format) {
    super(
        List.of(
            Initializer.of(weight + "_quantized", OnnxType.INT8, format.blockSize(), rows),
            Initializer.of(weight + "_scale", OnnxType.FLOAT, rows)));
    this.format = format;
    this.rows = rows;
    this.columns = format.blockSize();
    this.panels = new Panels<>(rows, () -> new byte[columns * Panels.WIDTH]);
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int count) {
    GroupCodes quantized = format.quantize(x, from, count);
    byte[] scales = new byte[count * Float.BYTES];
    for (int i = 0; i < count; i++) {
      FloatType.F32.put(scales, i * Float.BYTES, quantized.scales()[i]);
    }
    file.write(initializers().getLast(), scales, row * Float.BYTES);
    byte[] codes = quantized.codes();
    panels.accept(
        row,
        count,
        (content, column, offset, part) -> {
          for (int k = 0; k < columns; k++) {
            for (int i = 0; i < part; i++) {
              byte code = codes[(offset + i) * columns + k];
              content[k * Panels.WIDTH + column + i] = (byte) (code ^ 0x80); // around 0, not 128
            }
          }
        },
        panel -> {
          for (int k = 0; k < columns; k++) {
            file.write(
                initializers().getFirst(),
                ByteBuffer.wrap(panel.content, k * Panels.WIDTH, panel.width),
                k * rows + panel.first);
          }
        });
  }
}
