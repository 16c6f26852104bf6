package dev.phial.targets.torch;

import dev.phial.io.LittleEndian;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.GroupFloat;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.util.List;

/** Codes of four bits row by row, the even one of two above, as bitsandbytes has them. */
record SwappedNibbles(Slot slot, GroupFloat format, int blocksPerRow) implements Store {
  static SwappedNibbles of(PlannedTensor tensor, GroupFloat format, Slot slot) {
    return new SwappedNibbles(slot, format, tensor.columns() / format.blockSize());
  }

  @Override
  public List<Slot> slots() {
    return List.of(slot);
  }

  @Override
  public Writing open(Out out) {
    int size = format.codeBytes();
    return (blocks, row, rows) -> {
      int count = rows * blocksPerRow;
      byte[] codes = new byte[count * size];
      LittleEndian.copyParts(
          blocks, format.scaleBytes(), format.blockBytes(), codes, 0, size, size, count);
      for (int i = 0; i < codes.length; i++) {
        codes[i] = (byte) (codes[i] << 4 | codes[i] >> 4 & 0xF);
      }
      out.write(slot, codes, row * blocksPerRow * size);
    };
  }
}
