package dev.phial.targets.torch;

import static dev.phial.quant.TileFloat.SIDE;

import dev.phial.quant.TileFloat;
import dev.phial.targets.layout.Out;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import java.util.List;

/**
 * Scales of squares, {@code [squares one below the other][squares of a row]}: those of the first
 * row of each.
 */
record TileScales(Slot slot, TileFloat format, int columns) implements Store {
  @Override
  public List<Slot> slots() {
    return List.of(slot);
  }

  @Override
  public Writing open(Out out) {
    int bytes = format.groups().scaleBytes();
    int perRow = Math.ceilDiv(columns, SIDE);
    int rowBytes = columns / format.blockSize() * format.blockBytes();
    return (blocks, row, rows) -> {
      for (long first = Math.ceilDiv(row, SIDE) * SIDE; first < row + rows; first += SIDE) {
        byte[] line = new byte[perRow * bytes];
        for (int i = 0; i < perRow; i++) {
          int block = i * SIDE / format.blockSize() * format.blockBytes();
          System.arraycopy(blocks, (int) (first - row) * rowBytes + block, line, i * bytes, bytes);
        }
        out.write(slot, line, first / SIDE * line.length);
      }
    };
  }
}
