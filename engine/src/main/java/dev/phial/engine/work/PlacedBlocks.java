package dev.phial.engine.work;

import java.io.DataInputStream;
import java.io.DataOutputStream;
import java.io.IOException;
import java.util.Optional;

/**
 * Blocks on their way from the machine that made them to the output they belong to.
 *
 * @param output its number
 * @param region of the output
 * @param row the first
 */
record PlacedBlocks(int output, int region, long row, int rows, byte[] blocks) {
  void write(DataOutputStream out) throws IOException {
    out.writeInt(output);
    out.writeInt(region);
    out.writeLong(row);
    out.writeInt(rows);
    out.writeInt(blocks.length);
    out.write(blocks);
  }

  /** The next, if there is one. */
  static Optional<PlacedBlocks> read(DataInputStream in) throws IOException {
    int first = in.read();
    if (first < 0) {
      return Optional.empty();
    }
    int output = first << 24 | in.readUnsignedByte() << 16 | in.readUnsignedShort();
    int region = in.readInt();
    long row = in.readLong();
    int rows = in.readInt();
    byte[] blocks = in.readNBytes(in.readInt());
    return Optional.of(new PlacedBlocks(output, region, row, rows, blocks));
  }
}
