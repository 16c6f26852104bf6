package dev.phial.targets.onnx;

import dev.phial.quant.GroupInt;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Panels;
import dev.phial.targets.layout.Store;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * 4-bit codes of the transposed matrix, {@code [columns, rows]}, with scales and zero points {@code
 * [groups, rows]}: what DequantizeLinear along the first axis reads. Symmetric codes are signed.
 */
final class QdqColumns implements Store {
  private final GroupInt format;
  private final long rows;
  private final int columns;
  private final int groups; // of a row
  private final List<Initializer> initializers;

  /**
   * What is collected: {@code [columns][WIDTH]}, {@code [groups][WIDTH][bytes of a scale]}, {@code
   * [groups][WIDTH]}.
   */
  private record Collected(byte[] codes, byte[] scales, byte[] zeros) {}

  /**
   * @param rows an even number
   */
  QdqColumns(String weight, long rows, long columns, GroupInt format) {
    this.initializers = initializers(weight, rows, columns, format);
    this.format = format;
    this.rows = rows;
    this.columns = Math.toIntExact(columns);
    this.groups = this.columns / format.blockSize();
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
  public List<Initializer> slots() {
    return initializers;
  }

  @Override
  public Writing open(Out out) {
    int scaleBytes = format.scaleType().bytes();
    Panels<Collected> panels =
        new Panels<>(
            rows,
            () ->
                new Collected(
                    new byte[columns * Panels.WIDTH],
                    new byte[groups * Panels.WIDTH * scaleBytes],
                    new byte[groups * Panels.WIDTH]));
    return (blocks, row, count) ->
        panels.accept(
            row,
            count,
            (collected, column, offset, part) -> {
              for (int i = 0; i < part; i++) {
                collect(blocks, (offset + i) * groups, collected, column + i);
              }
            },
            panel -> flush(out, panel));
  }

  /** Takes one row apart. */
  private void collect(byte[] blocks, int first, Collected to, int column) {
    int scaleBytes = format.scaleType().bytes();
    int size = format.blockSize();
    for (int group = 0; group < groups; group++) {
      int block = (first + group) * format.blockBytes();
      int at = group * Panels.WIDTH + column;
      System.arraycopy(blocks, block, to.scales, at * scaleBytes, scaleBytes);
      if (format.hasZeros()) {
        to.zeros[at] = blocks[block + format.zeroOffset()];
      }
      for (int k = 0; k < size; k++) {
        to.codes[(group * size + k) * Panels.WIDTH + column] = format.code(blocks, block, k);
      }
    }
  }

  private void flush(Out out, Panels.Panel<Collected> panel) {
    nibbles(out, initializers.get(0), panel.content().codes, columns, panel);
    int bytes = format.scaleType().bytes();
    for (int group = 0; group < groups; group++) {
      out.write(
          initializers.get(1),
          ByteBuffer.wrap(
              panel.content().scales, group * Panels.WIDTH * bytes, panel.width() * bytes),
          (group * rows + panel.first()) * bytes);
    }
    if (format.hasZeros()) {
      nibbles(out, initializers.get(2), panel.content().zeros, groups, panel);
    }
  }

  private void nibbles(
      Out out, Initializer to, byte[] codes, int lines, Panels.Panel<Collected> panel) {
    int flip = format.hasZeros() ? 0 : 0x88;
    for (int line = 0; line < lines; line++) {
      byte[] bytes = new byte[panel.width() / 2];
      GroupInt.pack(codes, line * Panels.WIDTH, panel.width(), 4, bytes, 0);
      for (int i = 0; i < bytes.length; i++) {
        bytes[i] ^= (byte) flip;
      }
      out.write(to, bytes, (line * rows + panel.first()) / 2);
    }
  }
}
