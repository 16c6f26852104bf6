package dev.phial.targets.onnx;

import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.method.GroupCodes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * 4-bit codes of the transposed matrix, {@code [columns, rows]}, with scales and zero points {@code
 * [groups, rows]}: what DequantizeLinear along the first axis reads. Symmetric codes are signed.
 */
final class QdqColumns extends Storage {
  private final GroupInt format;
  private final FloatType weightType;
  private final long rows;
  private final int columns;
  private final int groups; // of a row
  private final Panels<Content> panels;

  /** {@code [columns][WIDTH]}, {@code [groups][WIDTH]} twice. */
  private record Content(byte[] codes, float[] scales, byte[] zeros) {}

  /**
   * @param rows an even number
   */
  QdqColumns(String weight, long rows, long columns, FloatType weightType, GroupInt format) {
    super(initializers(weight, rows, columns, format));
    this.format = format;
    this.weightType = weightType;
    this.rows = rows;
    this.columns = Math.toIntExact(columns);
    this.groups = this.columns / format.blockSize();
    this.panels =
        new Panels<>(
            rows,
            () ->
                new Content(
                    new byte[this.columns * Panels.WIDTH],
                    new float[groups * Panels.WIDTH],
                    new byte[groups * Panels.WIDTH]));
  }

  private static List<Initializer> initializers(
      String weight, long rows, long columns, GroupInt format) {
    OnnxType type = format.hasZeros() ? OnnxType.UINT4 : OnnxType.INT4;
    long groups = columns / format.blockSize();
    List<Initializer> initializers = new ArrayList<>();
    initializers.add(Initializer.of(weight + "_DQ_Q4", type, columns, rows));
    initializers.add(
        Initializer.of(weight + "_DQ_scales", OnnxType.of(format.scaleType()), groups, rows));
    if (format.hasZeros()) {
      initializers.add(Initializer.of(weight + "_DQ_zero_points", type, groups, rows));
    }
    return initializers;
  }

  @Override
  FloatType type() {
    return format.scaleType();
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int count) {
    Overflow.check(initializers().getFirst().name(), weightType, x, from, count * columns);
    float[] rounded = new float[count * columns];
    for (int i = 0; i < rounded.length; i++) {
      rounded[i] = weightType.round(x[from + i]);
    }
    GroupCodes quantized = format.quantize(rounded, 0, count * groups);
    panels.accept(
        row,
        count,
        (content, column, offset, part) -> {
          transpose(quantized.codes(), columns, content.codes, column, offset, part);
          transpose(quantized.zeros(), groups, content.zeros, column, offset, part);
          for (int group = 0; group < groups; group++) {
            for (int i = 0; i < part; i++) {
              content.scales[group * Panels.WIDTH + column + i] =
                  quantized.scales()[(offset + i) * groups + group];
            }
          }
        },
        panel -> flush(file, panel));
  }

  private static void transpose(
      byte[] from, int lines, byte[] to, int column, int offset, int part) {
    for (int line = 0; line < lines; line++) {
      for (int i = 0; i < part; i++) {
        to[line * Panels.WIDTH + column + i] = from[(offset + i) * lines + line];
      }
    }
  }

  private void flush(DataFile file, Panels.Panel<Content> panel) {
    nibbles(file, initializers().get(0), panel.content.codes, columns, panel);
    FloatType type = format.scaleType();
    for (int group = 0; group < groups; group++) {
      byte[] bytes = new byte[panel.width * type.bytes()];
      for (int i = 0; i < panel.width; i++) {
        type.put(bytes, i * type.bytes(), panel.content.scales[group * Panels.WIDTH + i]);
      }
      file.write(initializers().get(1), bytes, (group * rows + panel.first) * type.bytes());
    }
    if (format.hasZeros()) {
      nibbles(file, initializers().get(2), panel.content.zeros, groups, panel);
    }
  }

  private void nibbles(
      DataFile file, Initializer to, byte[] codes, int lines, Panels.Panel<Content> panel) {
    int flip = format.hasZeros() ? 0 : 0x88;
    for (int line = 0; line < lines; line++) {
      byte[] bytes = new byte[panel.width / 2];
      GroupInt.pack(codes, line * Panels.WIDTH, panel.width, 4, bytes, 0);
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] ^= (byte) flip;
      }
      file.write(to, ByteBuffer.wrap(bytes), (line * rows + panel.first) / 2);
    }
  }
}
