package dev.phial.targets.torch;

import dev.phial.io.LittleEndian;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.GroupInt;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Panels;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.util.List;

/**
 * Zero points as compressed-tensors packs them, {@code [out · bits / 32, groups]}: a word holds
 * those of rows that follow each other.
 */
record PackedZeros(Slot slot, long rows, int groups, GroupInt format) implements Store {
  static PackedZeros of(PlannedTensor tensor, GroupInt format, Slot slot) {
    return new PackedZeros(
        slot, tensor.shape().rows(), tensor.columns() / format.blockSize(), format);
  }

  @Override
  public List<Slot> slots() {
    return List.of(slot);
  }

  @Override
  public Writing open(Out out) {
    int perWord = Integer.SIZE / format.bits();
    Panels<int[]> panels =
        new Panels<>(rows, () -> new int[Panels.WIDTH / perWord * groups]); // [words][groups]
    return (blocks, row, count) ->
        panels.accept(
            row,
            count,
            (content, column, offset, part) -> {
              for (int i = 0; i < part; i++) {
                int line = (column + i) / perWord * groups;
                int shift = (column + i) % perWord * format.bits();
                for (int group = 0; group < groups; group++) {
                  int block = ((offset + i) * groups + group) * format.blockBytes();
                  content[line + group] |= (blocks[block + format.zeroOffset()] & 0xFF) << shift;
                }
              }
            },
            panel -> {
              int words = Math.ceilDiv(panel.width(), perWord) * groups;
              byte[] bytes = new byte[words * Integer.BYTES];
              for (int i = 0; i < words; i++) {
                LittleEndian.putInt(bytes, i * Integer.BYTES, panel.content()[i]);
              }
              out.write(slot, bytes, panel.first() / perWord * groups * Integer.BYTES);
            });
  }
}
