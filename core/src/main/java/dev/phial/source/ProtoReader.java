package dev.phial.source;

import dev.phial.PhialException;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CharsetDecoder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * Reads the fields of a protocol buffer message from mapped memory, without copying its bytes. All
 * messages of a file share limits on how many fields they have and how deep they nest.
 */
final class ProtoReader {
  private static final int VARINT = 0;
  private static final int FIXED64 = 1;
  private static final int BYTES = 2;
  private static final int FIXED32 = 5;

  private static final int MOST_FIELDS = 1 << 20;
  private static final long LONGEST_TEXTS = 32 << 20; // bytes, of all texts together
  private static final int DEEPEST = 32;

  private static final ValueLayout.OfInt INT =
      ValueLayout.JAVA_INT_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN);

  private final Shared shared;
  private final MemorySegment all;
  private final int depth;
  private long at;
  private int field;
  private int wireType;

  /** What all messages of a file have in common. */
  private static final class Shared {
    final Path file;
    final CharsetDecoder decoder = StandardCharsets.UTF_8.newDecoder();
    int fields;
    long texts; // bytes

    Shared(Path file) {
      this.file = file;
    }
  }

  ProtoReader(Path file, MemorySegment all) {
    this(new Shared(file), all, 0);
  }

  private ProtoReader(Shared shared, MemorySegment all, int depth) {
    this.shared = shared;
    this.all = all;
    this.depth = depth;
  }

  /** Moves to the next field; its value must then be taken or skipped. */
  boolean next() {
    if (at == all.byteSize()) {
      return false;
    }
    if (++shared.fields > MOST_FIELDS) {
      throw bad("expected at most %d fields, found more", MOST_FIELDS);
    }
    long tag = readVarint();
    field = (int) (tag >>> 3);
    wireType = (int) tag & 7;
    if (tag >>> 3 == 0 || tag >>> 32 != 0) {
      throw bad("expected the number of a field, found %s", Long.toUnsignedString(tag >>> 3));
    }
    return true;
  }

  /** The number of the field. */
  int field() {
    return field;
  }

  /** A whole number. */
  long number() {
    expect(VARINT);
    return readVarint();
  }

  /** A number in single precision. */
  float real() {
    expect(FIXED32);
    return Float.intBitsToFloat(all.get(INT, advance(Integer.BYTES)));
  }

  MemorySegment bytes() {
    expect(BYTES);
    long length = readVarint();
    return all.asSlice(advance(length), length);
  }

  /**
   * @throws PhialException.BadInput if it is not UTF-8
   */
  String text() {
    MemorySegment bytes = bytes();
    shared.texts += bytes.byteSize();
    if (shared.texts > LONGEST_TEXTS) {
      throw bad("expected at most %d bytes of text, found more", LONGEST_TEXTS);
    }
    try {
      return shared.decoder.decode(bytes.asByteBuffer()).toString();
    } catch (CharacterCodingException e) {
      throw bad("expected UTF-8 in field %d, found other bytes", field);
    }
  }

  /** A name that can be printed as it is. */
  String name() {
    return Refusal.name(shared.file, text());
  }

  /** A message in a message. */
  ProtoReader message() {
    if (depth == DEEPEST) {
      throw bad("expected messages nested at most %d deep, found more", DEEPEST);
    }
    return new ProtoReader(shared, bytes(), depth + 1);
  }

  /** Whole numbers, one or packed together. */
  void numbers(List<Long> to, int most) {
    if (wireType == VARINT) {
      to.add(readVarint());
    } else {
      ProtoReader packed = new ProtoReader(shared, bytes(), depth);
      while (packed.at < packed.all.byteSize() && to.size() <= most) {
        to.add(packed.readVarint());
      }
    }
    if (to.size() > most) {
      throw bad("expected at most %d numbers in field %d, found more", most, field);
    }
  }

  void skip() {
    switch (wireType) {
      case VARINT -> readVarint();
      case FIXED64 -> advance(Long.BYTES);
      case BYTES -> bytes();
      case FIXED32 -> advance(Integer.BYTES);
      default -> throw bad("expected a field of type 0, 1, 2 or 5, found %d", wireType);
    }
  }

  PhialException bad(String message, Object... details) {
    return Refusal.bad(
        shared.file, message + "; the file is damaged, or no protocol buffer", details);
  }

  private void expect(int type) {
    if (wireType != type) {
      throw bad("expected field %d to be of type %d, found %d", field, type, wireType);
    }
  }

  private long readVarint() {
    long value = 0;
    for (int shift = 0; shift < Long.SIZE; shift += 7) {
      byte next = all.get(ValueLayout.JAVA_BYTE, advance(1));
      value |= (next & 0x7FL) << shift;
      if (next >= 0) {
        return value;
      }
    }
    throw bad("expected a number of at most ten bytes, found more");
  }

  /** Moves past {@code count} bytes and says where they start. */
  private long advance(long count) {
    if (count < 0 || count > all.byteSize() - at) {
      throw bad(
          "expected %s more bytes, found %d", Long.toUnsignedString(count), all.byteSize() - at);
    }
    long start = at;
    at += count;
    return start;
  }
}
