package dev.phial.source;

import dev.phial.PhialException;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A zip archive whose entries are stored as they are, so that each is a slice of the mapped file.
 * That is what {@code torch.save} writes (PyTorch, {@code caffe2/serialize/inline_container.cc});
 * PKWARE's APPNOTE.TXT defines the records in 4.3 and the 64-bit fields in 4.5.3. Entries may not
 * be compressed, overlap or leave the archive, and the two headers of an entry must agree.
 */
final class StoredZip {
  private static final int LOCAL = 0x04034b50;
  private static final int CENTRAL = 0x02014b50;
  private static final int END = 0x06054b50;
  private static final int END_64 = 0x06064b50;
  private static final int LOCATOR_64 = 0x07064b50;

  // bytes of each record without its names and extra fields
  private static final int LOCAL_BYTES = 30;
  private static final int CENTRAL_BYTES = 46;
  private static final int END_BYTES = 22;
  private static final int END_64_BYTES = 56;
  private static final int LOCATOR_64_BYTES = 20;

  // all ones in a field: the value is in the 64-bit one
  private static final long SEE_64 = 0xFFFF_FFFFL;
  private static final int COUNT_SEE_64 = 0xFFFF;

  private static final int EXTRA_64 = 1; // the kind of extra field that holds 64-bit values
  private static final int SIZES_FOLLOW_DATA = 1 << 3;
  private static final int HARMLESS_FLAGS = 1 << 1 | 1 << 2 | SIZES_FOLLOW_DATA | 1 << 11;
  private static final int MOST_ENTRIES = 1 << 16;

  private final Path file;
  private final MemorySegment all;

  private StoredZip(Path file, MemorySegment all) {
    this.file = file;
    this.all = all;
  }

  private record Directory(long offset, long bytes, long entries) {}

  /**
   * @param header where its local header starts
   * @param data where its bytes start
   */
  private record Entry(String name, long header, long data, long size) {}

  /**
   * The entries by name, in the order of the directory.
   *
   * @throws PhialException.BadInput if the archive breaks a rule
   */
  static Map<String, MemorySegment> read(Path file, MemorySegment all) {
    return new StoredZip(file, all).read();
  }

  private Map<String, MemorySegment> read() {
    Directory directory = directory();
    List<Entry> entries = entries(directory);
    checkApart(entries, directory.offset);
    Map<String, MemorySegment> slices = new LinkedHashMap<>();
    for (Entry entry : entries) {
      if (slices.put(entry.name, all.asSlice(entry.data, entry.size)) != null) {
        throw bad("entry %s: expected it once, found it again", entry.name);
      }
    }
    return slices;
  }

  /** Where the directory lies, from the record at the end of the file or its 64-bit form. */
  private Directory directory() {
    long end = all.byteSize() - END_BYTES;
    if (!isAt(end, END)) {
      throw bad(
          "expected a zip archive as torch.save writes it, with the end record in its last %d bytes, found none; is the file cut off?",
          END_BYTES);
    }
    SegmentReader in = reader(end + 4, END_BYTES - 4);
    int disks = in.int32("two disk numbers");
    int here = in.uint16("a count");
    int entries = in.uint16("a count");
    long bytes = in.uint32("a size");
    long offset = in.uint32("an offset");
    if (disks != 0 || here != entries) {
      throw bad("expected an archive in one file, found a part of one");
    }
    if (in.uint16("a comment") != 0) {
      throw bad("expected an archive without a comment, found one");
    }
    long locator = end - LOCATOR_64_BYTES;
    return isAt(locator, LOCATOR_64)
        ? directory64(locator, new Directory(offset, bytes, entries))
        : check(new Directory(offset, bytes, entries), end);
  }

  private Directory directory64(long locator, Directory small) {
    SegmentReader in = reader(locator + 4, LOCATOR_64_BYTES - 4);
    int disk = in.int32("a disk number");
    long end = in.int64("an offset");
    if (disk != 0 || in.uint32("disks") != 1) {
      throw bad("expected an archive in one file, found a part of one");
    }
    if (end != locator - END_64_BYTES || !isAt(end, END_64)) {
      throw bad("expected the 64-bit end record before its locator, found none at byte %d", end);
    }
    in = reader(end + 16, END_64_BYTES - 16);
    long disks = in.int64("two disk numbers");
    long here = in.int64("a count");
    long entries = wide(small.entries, COUNT_SEE_64, in.int64("a count"));
    long bytes = wide(small.bytes, SEE_64, in.int64("a size"));
    long offset = wide(small.offset, SEE_64, in.int64("an offset"));
    if (disks != 0 || here != entries) {
      throw bad("expected an archive in one file, found a part of one");
    }
    return check(new Directory(offset, bytes, entries), end);
  }

  private long wide(long small, long marker, long wide) {
    if (small != marker && small != wide) {
      throw bad("expected two end records that agree, found %d and %d", small, wide);
    }
    return wide;
  }

  /** The directory must fill the space before {@code end}. */
  private Directory check(Directory directory, long end) {
    if (directory.offset < 0
        || directory.offset > end
        || directory.bytes != end - directory.offset) {
      throw bad(
          "expected a directory that ends at byte %d, found %d bytes from byte %d",
          end, directory.bytes, directory.offset);
    }
    long most = Math.min(MOST_ENTRIES, directory.bytes / CENTRAL_BYTES);
    if (directory.entries < 0 || directory.entries > most) {
      throw bad(
          "expected at most %d entries, found a count of %s",
          most, Long.toUnsignedString(directory.entries));
    }
    return directory;
  }

  private List<Entry> entries(Directory directory) {
    SegmentReader in = reader(directory.offset, directory.bytes);
    List<Entry> entries = new ArrayList<>();
    for (long i = 0; i < directory.entries; i++) {
      entries.add(entry(in, directory.offset));
    }
    if (in.remaining() != 0) {
      throw bad(
          "expected a directory of %d entries, found %d more bytes in it",
          directory.entries, in.remaining());
    }
    return entries;
  }

  private Entry entry(SegmentReader in, long limit) {
    if (in.int32("an entry") != CENTRAL) {
      throw bad("expected an entry of the directory, found other bytes");
    }
    in.int32("versions");
    int flags = in.uint16("flags");
    int method = in.uint16("a method");
    in.int64("a time and a checksum");
    long compressed = in.uint32("a size");
    long size = in.uint32("a size");
    int nameBytes = in.uint16("a length");
    int extraBytes = in.uint16("a length");
    int commentBytes = in.uint16("a length");
    int disk = in.uint16("a disk");
    in.int16("attributes");
    in.int32("attributes");
    long header = in.uint32("an offset");
    String name = name(in.utf8("the name of an entry", nameBytes));
    MemorySegment extra = in.bytes("an extra field", extraBytes);
    in.bytes("a comment", commentBytes);
    if (method != 0) {
      throw bad(
          "entry %s: expected it stored as it is, found compression method %d; save it again with torch.save",
          name, method);
    }
    if ((flags & ~HARMLESS_FLAGS) != 0) {
      throw bad("entry %s: expected no encryption or patches, found flags 0x%04x", name, flags);
    }
    if (disk != 0) {
      throw bad("expected an archive in one file, found a part of one");
    }
    long[] wide = fields64(name, extra, size, compressed, header);
    if (wide[0] != wide[1]) {
      throw bad("entry %s: expected one size, found %d and %d", name, wide[0], wide[1]);
    }
    long data = data(name, wide[2], limit, flags, size);
    if (wide[0] < 0 || wide[0] > limit - data) {
      throw bad(
          "entry %s: expected its %s bytes at byte %d to end before the directory at %d, found more",
          name, Long.toUnsignedString(wide[0]), data, limit);
    }
    return new Entry(name, wide[2], data, wide[0]);
  }

  /** Those of {@code values} that are marked, replaced by the 64-bit ones, which stand in order. */
  private long[] fields64(String name, MemorySegment extra, long... values) {
    SegmentReader in = new SegmentReader(file, extra);
    while (Arrays.stream(values).anyMatch(value -> value == SEE_64) && in.remaining() > 0) {
      int kind = in.uint16("an extra field");
      MemorySegment field = in.bytes("an extra field", in.uint16("an extra field"));
      if (kind == EXTRA_64) {
        SegmentReader wide = new SegmentReader(file, field);
        for (int i = 0; i < values.length; i++) {
          values[i] = values[i] == SEE_64 ? wide.int64("the 64-bit fields of " + name) : values[i];
        }
        return values;
      }
    }
    return values;
  }

  /** Where the bytes of an entry start: behind its local header, which repeats the directory. */
  private long data(String name, long header, long limit, int flags, long size) {
    if (header < 0 || header > limit - LOCAL_BYTES || !isAt(header, LOCAL)) {
      throw bad(
          "entry %s: expected its header at byte %s, found none",
          name, Long.toUnsignedString(header));
    }
    SegmentReader in = reader(header + 4, limit - header - 4);
    in.int16("a version");
    int localFlags = in.uint16("flags");
    int localMethod = in.uint16("a method");
    in.int64("a time and a checksum");
    long localCompressed = in.uint32("a size");
    long localSize = in.uint32("a size");
    int nameBytes = in.uint16("a length");
    int extraBytes = in.uint16("a length");
    String localName = in.utf8("the name of an entry", nameBytes);
    in.bytes("an extra field", extraBytes); // torch.save pads with it
    boolean sizesFollow =
        (flags & SIZES_FOLLOW_DATA) != 0 && localSize == 0 && localCompressed == 0;
    if (localFlags != flags
        || localMethod != 0
        || !localName.equals(name)
        || !sizesFollow && (localSize != size || localCompressed != size)) {
      throw bad(
          "entry %s: expected a header that agrees with the directory, found one of %s, %d bytes, flags 0x%04x, method %d",
          name, localName, localSize, localFlags, localMethod);
    }
    return header + 4 + in.at();
  }

  /** A name may not lead out of the archive, wherever it is used. */
  private String name(String name) {
    List<String> steps = List.of(name.split("[/\\\\]", -1));
    if (steps.contains("..") || steps.getFirst().isEmpty()) {
      throw bad("expected names inside the archive, found %s; do not trust this file", name);
    }
    return Refusal.name(file, name);
  }

  /** An overlap would let a small file claim a large one's contents many times. */
  private void checkApart(List<Entry> entries, long limit) {
    List<Entry> sorted = new ArrayList<>(entries);
    sorted.sort(Comparator.comparingLong(Entry::header));
    long free = 0;
    for (Entry entry : sorted) {
      if (entry.header < free) {
        throw bad(
            "entry %s: expected it from byte %d, found it at %d, inside another",
            entry.name, free, entry.header);
      }
      free = entry.data + entry.size;
    }
    if (free > limit) {
      throw bad("expected entries before the directory at byte %d, found one inside", limit);
    }
  }

  private boolean isAt(long offset, int signature) {
    return offset >= 0
        && offset <= all.byteSize() - 4
        && reader(offset, 4).int32("a signature") == signature;
  }

  private SegmentReader reader(long offset, long bytes) {
    return new SegmentReader(file, all.asSlice(offset, bytes));
  }

  private PhialException bad(String message, Object... details) {
    return Refusal.bad(file, message, details);
  }
}
