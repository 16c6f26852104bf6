package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.io.LittleEndian;
import dev.phial.quant.GroupInt;
import dev.phial.quant.method.GroupCodes;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Signed integers of the transposed matrix, {@code [columns, rows]}, with a scale for each row, as
 * DequantizeLinear takes them for MatMul and Gemm; a bias becomes integers of 32 bits whose scale
 * is that of the row and of the input together.
 */
final class SignedColumns extends Storage {
  private final GroupInt format;
  private final long rows;
  private final int columns;
  private final Optional<Bias> bias;
  private final Panels<Content> panels;

  /**
   * @param values {@code [rows]}
   * @param inputScale of the codes of the input
   */
  record Bias(float[] values, float inputScale) {}

  private record Content(byte[] codes, float[] scales) {} // [columns][Panels.WIDTH], [Panels.WIDTH]

  /**
   * @param rows an even number if there are 4 bits
   * @param format whose groups are rows
   */
  SignedColumns(String name, long rows, long columns, GroupInt format, Optional<Bias> bias) {
    super(initializers(name, rows, columns, format.bits(), bias.isPresent()));
    this.format = format;
    this.rows = rows;
    this.columns = Math.toIntExact(columns);
    this.bias = bias;
    this.panels =
        new Panels<>(
            rows,
            () -> new Content(new byte[this.columns * Panels.WIDTH], new float[Panels.WIDTH]));
  }

  private static List<Initializer> initializers(
      String name, long rows, long columns, int bits, boolean hasBias) {
    List<Initializer> all = new ArrayList<>();
    OnnxType type = bits == 4 ? OnnxType.INT4 : OnnxType.INT8;
    all.add(Initializer.of(name + ".weight_quantized", type, columns, rows));
    all.add(Initializer.of(name + ".weight_scale", OnnxType.FLOAT, rows));
    if (hasBias) {
      all.add(Initializer.of(name + ".bias_quantized", OnnxType.INT32, rows));
      all.add(Initializer.of(name + ".bias_scale", OnnxType.FLOAT, rows));
    }
    return all;
  }

  @Override
  void write(DataFile file, float[] x, int from, long row, int count) {
    byte[] codes = new byte[columns];
    panels.accept(
        row,
        count,
        (content, column, offset, part) -> {
          for (int i = 0; i < part; i++) {
            GroupCodes quantized = format.quantize(x, from + (offset + i) * columns, 1);
            System.arraycopy(quantized.codes(), 0, codes, 0, columns);
            content.scales[column + i] = quantized.scales()[0];
            for (int k = 0; k < columns; k++) {
              content.codes[k * Panels.WIDTH + column + i] = codes[k];
            }
          }
        },
        panel -> flush(file, panel));
  }

  private void flush(DataFile file, Panels.Panel<Content> panel) {
    int bits = format.bits();
    byte flip = (byte) (bits == 4 ? 0x88 : 0x80); // from unsigned codes around the middle
    byte[] line = new byte[panel.width * bits / Byte.SIZE];
    for (int k = 0; k < columns; k++) {
      GroupInt.pack(panel.content.codes, k * Panels.WIDTH, panel.width, bits, line, 0);
      for (int i = 0; i < line.length; i++) {
        line[i] ^= flip;
      }
      file.write(initializers().get(0), ByteBuffer.wrap(line), (k * rows + panel.first) * bits / 8);
    }
    float[] scales = panel.content.scales;
    byte[] bytes = new byte[panel.width * Float.BYTES];
    for (int i = 0; i < panel.width; i++) {
      LittleEndian.putFloat(bytes, i * Float.BYTES, scales[i]);
    }
    file.write(initializers().get(1), bytes, panel.first * Float.BYTES);
    bias.ifPresent(b -> writeBias(file, b, panel.first, panel.width, scales));
  }

  private void writeBias(DataFile file, Bias bias, long first, int count, float[] scales) {
    byte[] codes = new byte[count * Integer.BYTES];
    byte[] bytes = new byte[count * Float.BYTES];
    for (int i = 0; i < count; i++) {
      float scale = scales[i] * bias.inputScale;
      double code = Math.rint(bias.values[(int) first + i] / (double) scale);
      if (!(Math.abs(code) <= Integer.MAX_VALUE)) {
        throw new PhialException.Unsupported(
            "tensor %s: expected a bias that is at most 2^31 steps of input and weights, found %s at %d steps; choose another --ep"
                .formatted(
                    initializers().get(2).name(), bias.values[(int) first + i], (long) code));
      }
      LittleEndian.putInt(codes, i * Integer.BYTES, (int) code);
      LittleEndian.putFloat(bytes, i * Float.BYTES, scale);
    }
    file.write(initializers().get(2), codes, first * Integer.BYTES);
    file.write(initializers().get(3), bytes, first * Float.BYTES);
  }
}
