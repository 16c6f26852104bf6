package dev.phial.source;

import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/** Streams through mapped memory without copying it whole. */
final class SegmentInputStream extends InputStream {
  private final MemorySegment segment;
  private long at;

  SegmentInputStream(MemorySegment segment) {
    this.segment = segment;
  }

  @Override
  public int read() {
    return at == segment.byteSize() ? -1 : segment.get(ValueLayout.JAVA_BYTE, at++) & 0xFF;
  }

  @Override
  public int read(byte[] to, int offset, int length) {
    int count = (int) Math.min(length, segment.byteSize() - at);
    if (count == 0 && length > 0) {
      return -1;
    }
    MemorySegment.copy(segment, ValueLayout.JAVA_BYTE, at, to, offset, count);
    at += count;
    return count;
  }
}
