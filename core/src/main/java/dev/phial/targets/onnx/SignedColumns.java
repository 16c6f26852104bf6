package dev.phial.targets.onnx;

import dev.phial.PhialException;
import dev.phial.io.LittleEndian;
import dev.phial.quant.GroupInt;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Panels;
import dev.phial.targets.layout.Store;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Signed integers of the transposed matrix, {@code [columns, rows]}, with a scale for each row, as
 * DequantizeLinear takes them for MatMul and Gemm; a bias becomes integers of 32 bits whose scale
 * is that of the row and of the input together.
 */
final class SignedColumns implements Store {
  private final GroupInt format;
  private final long rows;
  private final int columns;
  private final Optional<Bias> bias;
  private final List<Initializer> initializers;

  /**
   * A bias that becomes integers.
   *
   * @param values {@code [rows]}
   * @param inputScale of the codes of the input
   */
  record Bias(float[] values, float inputScale) {}

  /** What is collected: {@code [columns][Panels.WIDTH]}, {@code [Panels.WIDTH]}. */
  private record Collected(byte[] codes, float[] scales) {}

  /**
   * @param rows an even number if there are 4 bits
   * @param format whose groups are rows
   */
  SignedColumns(String name, long rows, long columns, GroupInt format, Optional<Bias> bias) {
    this.initializers = initializers(name, rows, columns, format.bits(), bias.isPresent());
    this.format = format;
    this.rows = rows;
    this.columns = Math.toIntExact(columns);
    this.bias = bias;
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
  public List<Initializer> slots() {
    return initializers;
  }

  @Override
  public Writing open(Out out) {
    Panels<Collected> panels =
        new Panels<>(
            rows, () -> new Collected(new byte[columns * Panels.WIDTH], new float[Panels.WIDTH]));
    return (blocks, row, count) ->
        panels.accept(
            row,
            count,
            (collected, column, offset, part) -> {
              for (int i = 0; i < part; i++) {
                int block = (offset + i) * format.blockBytes();
                collected.scales[column + i] = LittleEndian.readFloat(blocks, block);
                for (int k = 0; k < columns; k++) {
                  collected.codes[k * Panels.WIDTH + column + i] = format.code(blocks, block, k);
                }
              }
            },
            panel -> flush(out, panel));
  }

  private void flush(Out out, Panels.Panel<Collected> panel) {
    int bits = format.bits();
    byte flip = (byte) (bits == 4 ? 0x88 : 0x80); // from unsigned codes around the middle
    byte[] line = new byte[panel.width() * bits / Byte.SIZE];
    for (int k = 0; k < columns; k++) {
      GroupInt.pack(panel.content().codes, k * Panels.WIDTH, panel.width(), bits, line, 0);
      for (int i = 0; i < line.length; i++) {
        line[i] ^= flip;
      }
      out.write(initializers.get(0), line, (k * rows + panel.first()) * bits / Byte.SIZE);
    }
    float[] scales = panel.content().scales;
    byte[] bytes = new byte[panel.width() * Float.BYTES];
    for (int i = 0; i < panel.width(); i++) {
      LittleEndian.putFloat(bytes, i * Float.BYTES, scales[i]);
    }
    out.write(initializers.get(1), bytes, panel.first() * Float.BYTES);
    bias.ifPresent(b -> writeBias(out, b, panel.first(), panel.width(), scales));
  }

  private void writeBias(Out out, Bias given, long first, int count, float[] scales) {
    byte[] codes = new byte[count * Integer.BYTES];
    byte[] bytes = new byte[count * Float.BYTES];
    for (int i = 0; i < count; i++) {
      float scale = scales[i] * given.inputScale;
      double code = Math.rint(given.values[(int) first + i] / (double) scale);
      if (!(Math.abs(code) <= Integer.MAX_VALUE)) {
        throw new PhialException.Unsupported(
            "tensor %s: expected a bias that is at most 2^31 steps of input and weights, found %s at %d steps; choose another --ep"
                .formatted(initializers.get(2).name(), given.values[(int) first + i], (long) code));
      }
      LittleEndian.putInt(codes, i * Integer.BYTES, (int) code);
      LittleEndian.putFloat(bytes, i * Float.BYTES, scale);
    }
    out.write(initializers.get(2), codes, first * Integer.BYTES);
    out.write(initializers.get(3), bytes, first * Float.BYTES);
  }
}
