package dev.phial.source;

import dev.phial.PhialException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * Reads little-endian numbers and text from mapped memory, front to back and never past its end.
 * Every method takes what it reads, for the message that refuses the file.
 */
final class SegmentReader {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Path file;
  private final MemorySegment all;
  private final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
  private long at;

  SegmentReader(Path file, MemorySegment all) {
    this.file = file;
    this.all = all;
  }

  /** Bytes read so far. */
  long at() {
    return at;
  }

  long remaining() {
    return all.byteSize() - at;
  }

  byte int8(String what) {
    return all.get(ValueLayout.JAVA_BYTE, advance(what, 1));
  }

  int uint8(String what) {
    return int8(what) & 0xFF;
  }

  short int16(String what) {
    return all.get(SHORT, advance(what, 2));
  }

  int uint16(String what) {
    return int16(what) & 0xFFFF;
  }

  int int32(String what) {
    return all.get(INT, advance(what, 4));
  }

  long uint32(String what) {
    return Integer.toUnsignedLong(int32(what));
  }

  long int64(String what) {
    return all.get(LONG, advance(what, 8));
  }

  MemorySegment bytes(String what, long count) {
    return all.asSlice(advance(what, count), count);
  }

  /**
   * @throws PhialException.BadInput if the bytes are not UTF-8
   */
  String utf8(String what, long count) {
    if (count == 0) {
      return "";
    }
    try {
      return decoder.decode(bytes(what, count).asByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw Refusal.bad(file, "expected UTF-8 for %s, found other bytes", what);
    }
  }

  /** Moves past {@code count} bytes and says where they start. */
  private long advance(String what, long count) {
    if (count < 0 || count > remaining()) {
      throw Refusal.bad(
          file,
          "expected %s more bytes for %s, found %d; the file is cut off or damaged",
          Long.toUnsignedString(count),
          what,
          remaining());
    }
    long start = at;
    at += count;
    return start;
  }
}
