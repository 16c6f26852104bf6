package dev.phial.targets.openvino;

import dev.phial.io.OutputFile;
import java.nio.ByteBuffer;

/**
 * Zero points, of which two may share a byte. Where neighbours in a byte come from different rows,
 * and perhaps different threads, they are held until all are there.
 */
final class Nibbles {
  private final Constant to;
  private final int bits;
  private final long rows;
  private final int perRow;
  private final byte[] held; // empty where bytes belong to one row
  private long missing;

  /**
   * @param bits 4 or 8
   * @param perRow how many come with every row
   */
  Nibbles(Constant to, int bits, long rows, int perRow) {
    this.to = to;
    this.bits = bits;
    this.rows = rows;
    this.perRow = perRow;
    this.missing = rows * perRow;
    this.held = new byte[bits == 4 && perRow % 2 != 0 ? Math.toIntExact(missing) : 0];
  }

  /** For another writing. */
  Nibbles again() {
    return new Nibbles(to, bits, rows, perRow);
  }

  /**
   * @param first among all
   */
  void write(OutputFile file, byte[] zeros, long first, int count) {
    if (bits == 8) {
      file.write(ByteBuffer.wrap(zeros, 0, count), to.offset() + first);
    } else if (held.length == 0) {
      file.write(ByteBuffer.wrap(pack(zeros, count)), to.offset() + first / 2);
    } else {
      hold(file, zeros, Math.toIntExact(first), count);
    }
  }

  private synchronized void hold(OutputFile file, byte[] zeros, int first, int count) {
    System.arraycopy(zeros, 0, held, first, count);
    missing -= count;
    if (missing == 0) {
      file.write(ByteBuffer.wrap(pack(held, held.length)), to.offset());
    }
  }

  private static byte[] pack(byte[] zeros, int count) {
    byte[] packed = new byte[(count + 1) / 2];
    for (int i = 0; i < count; i++) {
      packed[i / 2] |= (byte) (i % 2 == 0 ? zeros[i] : zeros[i] << 4);
    }
    return packed;
  }
}
