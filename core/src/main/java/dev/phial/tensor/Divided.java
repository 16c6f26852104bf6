package dev.phial.tensor;

import java.lang.foreign.MemorySegment;

/** Numbers of another encoding, all divided by one number. */
public record Divided(Encoding encoding, float by) implements Encoding {
  @Override
  public String name() {
    return encoding.name();
  }

  @Override
  public int blockSize() {
    return encoding.blockSize();
  }

  @Override
  public int blockBytes() {
    return encoding.blockBytes();
  }

  @Override
  public void decode(MemorySegment from, long offset, float[] to, int at, int count) {
    encoding.decode(from, offset, to, at, count);
    for (int i = at; i < at + count; i++) {
      to[i] /= by;
    }
  }
}
