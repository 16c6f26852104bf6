package dev.phial.source;

import dev.phial.PhialException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Optional;

/**
 * A table of a flatbuffer. Every offset is checked when it is followed, and nothing is followed
 * that is not asked for, so that a file that points in circles or out of itself does no harm.
 */
final class FlatTable {
  private static final ValueLayout.OfShort SHORT =
      ValueLayout.JAVA_SHORT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);
  private static final ValueLayout.OfLong LONG =
      ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private static final int LONGEST_TEXT = 4096;

  private final Path file;
  private final MemorySegment all;
  private final long at;
  private final long fields; // where the offsets of the fields begin
  private final int count; // of fields

  private FlatTable(Path file, MemorySegment all, long at) {
    this.file = file;
    this.all = all;
    this.at = at;
    check(file, all, at, Integer.BYTES);
    long slots = at - all.get(INT, at);
    check(file, all, slots, 2 * Short.BYTES);
    int bytes = all.get(SHORT, slots) & 0xFFFF;
    check(file, all, slots, bytes);
    this.fields = slots + 2 * Short.BYTES;
    this.count = Math.max(0, bytes / Short.BYTES - 2);
  }

  /**
   * The outermost table.
   *
   * @throws PhialException.BadInput if it does not lie in the flatbuffer
   */
  static FlatTable root(Path file, MemorySegment all) {
    check(file, all, 0, Integer.BYTES);
    return new FlatTable(file, all, Integer.toUnsignedLong(all.get(INT, 0)));
  }

  private static void check(Path file, MemorySegment all, long at, long bytes) {
    if (at < 0 || bytes < 0 || at > all.byteSize() - bytes) {
      throw Refusal.bad(
          file,
          "expected a table within the %d bytes of the flatbuffer, found an offset of %d; the file is cut off or damaged",
          all.byteSize(),
          at);
    }
  }

  /** Where a field lies, for which there must be some bytes; -1 if it is left away. */
  private long field(int slot, int bytes) {
    if (slot >= count) {
      return -1;
    }
    int offset = all.get(SHORT, fields + (long) slot * Short.BYTES) & 0xFFFF;
    if (offset == 0) {
      return -1;
    }
    check(file, all, at + offset, bytes);
    return at + offset;
  }

  int int8(int slot) {
    long field = field(slot, Byte.BYTES);
    return field < 0 ? 0 : all.get(ValueLayout.JAVA_BYTE, field);
  }

  int int32(int slot) {
    long field = field(slot, Integer.BYTES);
    return field < 0 ? 0 : all.get(INT, field);
  }

  long int64(int slot) {
    long field = field(slot, Long.BYTES);
    return field < 0 ? 0 : all.get(LONG, field);
  }

  /** Where something lies that a field points to. */
  private Optional<Long> target(int slot) {
    long field = field(slot, Integer.BYTES);
    return field < 0
        ? Optional.empty()
        : Optional.of(field + Integer.toUnsignedLong(all.get(INT, field)));
  }

  Optional<FlatTable> table(int slot) {
    return target(slot).map(place -> new FlatTable(file, all, place));
  }

  /** Text; empty if it is left away. */
  String text(int slot) {
    MemorySegment bytes = bytes(slot, Byte.BYTES);
    if (bytes.byteSize() > LONGEST_TEXT) {
      throw Refusal.bad(
          file, "expected text of at most %d bytes, found %d", LONGEST_TEXT, bytes.byteSize());
    }
    try {
      return StandardCharsets.UTF_8.newDecoder().decode(bytes.asByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw Refusal.bad(file, "expected text in UTF-8, found other bytes");
    }
  }

  /**
   * What a vector of numbers consists of; nothing if it is left away.
   *
   * @param size bytes of a number
   */
  MemorySegment bytes(int slot, int size) {
    Optional<Long> place = target(slot);
    if (place.isEmpty()) {
      return MemorySegment.NULL.asSlice(0, 0);
    }
    long start = place.get();
    check(file, all, start, Integer.BYTES);
    long bytes = Integer.toUnsignedLong(all.get(INT, start)) * size;
    check(file, all, start + Integer.BYTES, bytes);
    return all.asSlice(start + Integer.BYTES, bytes);
  }

  /** Elements of a vector of whole numbers of 32 bits, or of tables. */
  int size(int slot) {
    return Math.toIntExact(bytes(slot, Integer.BYTES).byteSize() / Integer.BYTES);
  }

  /** One of a vector of whole numbers of 32 bits. */
  int int32(int slot, int index) {
    return element(slot, index, "number").get(INT, 0);
  }

  /** One of a vector of tables. */
  FlatTable table(int slot, int index) {
    MemorySegment element = element(slot, index, "table");
    long place = element.address() - all.address();
    return new FlatTable(file, all, place + Integer.toUnsignedLong(element.get(INT, 0)));
  }

  private MemorySegment element(int slot, int index, String what) {
    MemorySegment bytes = bytes(slot, Integer.BYTES);
    if (index < 0 || index >= bytes.byteSize() / Integer.BYTES) {
      throw Refusal.bad(
          file,
          "expected %s %d of a vector, found that it has %d; the file is damaged",
          what,
          index,
          bytes.byteSize() / Integer.BYTES);
    }
    return bytes.asSlice((long) index * Integer.BYTES, Integer.BYTES);
  }
}
