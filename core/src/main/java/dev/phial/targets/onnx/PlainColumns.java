package dev.phial.targets.onnx;

import dev.phial.plan.PlannedTensor;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Panels;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Numbers of the transposed matrix, {@code [columns, rows]}, as MatMul wants its weights.
 *
 * @param bytes of a number
 */
record PlainColumns(Slot slot, long rows, int columns, int bytes) implements Store {
  /**
   * @param tensor of plain numbers
   */
  static PlainColumns of(PlannedTensor tensor, Slot slot) {
    return new PlainColumns(
        slot, tensor.shape().rows(), tensor.columns(), tensor.format().blockBytes());
  }

  @Override
  public List<Slot> slots() {
    return List.of(slot);
  }

  @Override
  public Writing open(Out out) {
    Panels<byte[]> panels = // [columns][Panels.WIDTH]
        new Panels<>(rows, () -> new byte[columns * Panels.WIDTH * bytes]);
    return (blocks, row, count) ->
        panels.accept(
            row,
            count,
            (content, column, offset, part) -> {
              for (int k = 0; k < columns; k++) {
                int to = (k * Panels.WIDTH + column) * bytes;
                for (int i = 0; i < part; i++) {
                  int from = ((offset + i) * columns + k) * bytes;
                  for (int b = 0; b < bytes; b++) {
                    content[to + i * bytes + b] = blocks[from + b];
                  }
                }
              }
            },
            panel -> {
              for (int k = 0; k < columns; k++) {
                out.write(
                    slot,
                    ByteBuffer.wrap(
                        panel.content(), k * Panels.WIDTH * bytes, panel.width() * bytes),
                    (k * rows + panel.first()) * bytes);
              }
            });
  }
}
