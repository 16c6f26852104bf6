package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.Formats;
import dev.phial.quant.GgmlFormat;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A GGUF file, version 2 or 3, or all files of a split one: header, metadata, tensor table, data.
 * The rules are those of ggml's {@code gguf.cpp}, and every count is checked against the bytes that
 * could hold it before anything is allocated.
 */
public final class Gguf implements AutoCloseable {
  public static final int MAGIC = 0x46554747; // "GGUF", little-endian
  public static final int DEFAULT_ALIGNMENT = 32;

  private static final int HIGHEST_RANK = 4;
  private static final int MOST_KEYS = 1 << 16;
  private static final int MOST_TENSORS = 1 << 16;
  private static final int MOST_STRINGS = 1 << 20; // in all arrays together
  private static final int LONGEST_STRING = 1 << 24;
  private static final long LARGEST_HEADER = 64L << 20; // metadata and tensor table
  private static final String SPLIT_COUNT = "split.count";
  private static final String SPLIT_NUMBER = "split.no"; // from 0
  private static final Pattern SPLIT = Pattern.compile("(.*)-(\\d{5})-of-(\\d{5})\\.gguf");

  private final Path path;
  private final Arena arena;
  private final List<Path> files;
  private final Map<String, GgufValue> metadata;
  private final Map<String, Tensor> tensors;

  private Gguf(
      Path path,
      Arena arena,
      List<Path> files,
      Map<String, GgufValue> metadata,
      Map<String, Tensor> tensors) {
    this.path = path;
    this.arena = arena;
    this.files = List.copyOf(files);
    this.metadata = Collections.unmodifiableMap(metadata);
    this.tensors = Collections.unmodifiableMap(tensors);
  }

  /**
   * Opens a file, and with the first of a split the others beside it.
   *
   * @throws PhialException.BadInput if a file breaks a rule of the format
   */
  public static Gguf open(Path path) {
    Arena arena = Arena.ofShared();
    try {
      return read(path, arena);
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Maps a file, and with the first of a split the others beside it. */
  static Gguf read(Path path, Arena arena) {
    List<Path> files = new ArrayList<>(List.of(path));
    Part first = new Parser(path, arena).parse();
    Map<String, Tensor> tensors = new LinkedHashMap<>(first.tensors);
    long splits = whole(first.metadata, SPLIT_COUNT).orElse(1);
    if (splits > 1) {
      for (Path other : otherSplits(path, first.metadata, splits)) {
        Part part = new Parser(other, arena).parse();
        checkSplit(other, part.metadata, files.size(), splits);
        part.tensors.values().forEach(tensor -> add(tensors, tensor));
        files.add(other);
      }
    }
    return new Gguf(path, arena, files, first.metadata, tensors);
  }

  /** These files, read as another model. */
  Gguf with(Map<String, GgufValue> otherMetadata, Map<String, Tensor> otherTensors) {
    return new Gguf(path, arena, files, otherMetadata, otherTensors);
  }

  /** Whether a file starts as a GGUF file does. */
  static boolean recognizes(byte[] start) {
    return start.length >= 4
        && ByteBuffer.wrap(start).order(ByteOrder.LITTLE_ENDIAN).getInt() == MAGIC;
  }

  public Map<String, GgufValue> metadata() {
    return metadata;
  }

  public Optional<String> text(String key) {
    return metadata.get(key) instanceof GgufValue.Text text
        ? Optional.of(text.value())
        : Optional.empty();
  }

  public OptionalLong whole(String key) {
    return whole(metadata, key);
  }

  private static OptionalLong whole(Map<String, GgufValue> metadata, String key) {
    return metadata.get(key) instanceof GgufValue.Whole whole
        ? OptionalLong.of(whole.value())
        : OptionalLong.empty();
  }

  public Path path() {
    return path;
  }

  /** The tensors by name, in the order of the files. */
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  List<Path> files() {
    return files;
  }

  @Override
  public void close() {
    arena.close();
  }

  private static List<Path> otherSplits(Path path, Map<String, GgufValue> metadata, long splits) {
    Matcher name = SPLIT.matcher(path.getFileName().toString());
    long number = whole(metadata, SPLIT_NUMBER).orElse(0);
    if (number != 0
        || !name.matches()
        || Long.parseLong(name.group(3)) != splits
        || Long.parseLong(name.group(2)) != 1) {
      throw new PhialException.BadInput(
          "%s: expected the first of %d files, named …-00001-of-%05d.gguf; pass that one"
              .formatted(path, splits, splits));
    }
    List<Path> others = new ArrayList<>();
    for (int split = 2; split <= splits; split++) {
      others.add(
          path.resolveSibling("%s-%05d-of-%05d.gguf".formatted(name.group(1), split, splits)));
    }
    return others;
  }

  private static void checkSplit(
      Path file, Map<String, GgufValue> metadata, long number, long splits) {
    long foundNumber = whole(metadata, SPLIT_NUMBER).orElse(0);
    long found = whole(metadata, SPLIT_COUNT).orElse(1);
    if (foundNumber != number || found != splits) {
      throw Refusal.bad(
          file,
          "expected file %d of %d, found file %d of %d; were the files renamed?",
          number + 1,
          splits,
          foundNumber + 1,
          found);
    }
  }

  private static void add(Map<String, Tensor> tensors, Tensor tensor) {
    if (tensors.putIfAbsent(tensor.name(), tensor) != null) {
      throw Refusal.bad(
          tensor.file(),
          "tensor %s: expected it once, found it again; the file is damaged",
          tensor.name());
    }
  }

  private record Part(Map<String, GgufValue> metadata, Map<String, Tensor> tensors) {}

  private record Slot(String name, GgmlFormat format, Shape shape, long offset, long bytes) {}

  /** Reads one file from front to back. */
  private static final class Parser {
    private final Path file;
    private final MemorySegment all;
    private final SegmentReader in;
    private int strings; // in arrays, so far

    Parser(Path file, Arena arena) {
      this.file = file;
      this.all = MappedFile.map(file, arena);
      this.in = new SegmentReader(file, all.asSlice(0, Math.min(LARGEST_HEADER, all.byteSize())));
    }

    Part parse() {
      int magic = in.int32("the magic");
      if (magic != MAGIC) {
        throw bad("expected a GGUF file, found one that starts with 0x%08x", magic);
      }
      int version = in.int32("the version");
      if (version != 2 && version != 3) {
        throw bad(
            "expected GGUF version 2 or 3, found %d; big-endian and version 1 files are not read",
            version);
      }
      long tensorCount = count("tensors", MOST_TENSORS, 8 + 4 + 8 + 4 + 8);
      long keyCount = count("metadata keys", MOST_KEYS, 8 + 4 + 1);
      Map<String, GgufValue> metadata = new LinkedHashMap<>();
      for (long i = 0; i < keyCount; i++) {
        String key = Refusal.name(file, string("a metadata key"));
        if (metadata.put(key, value(key, type(key))) != null) {
          throw bad("metadata %s: expected it once, found it again", key);
        }
      }
      List<Slot> slots = new ArrayList<>();
      for (long i = 0; i < tensorCount; i++) {
        slots.add(slot());
      }
      return new Part(metadata, tensors(slots, alignment(metadata)));
    }

    private Slot slot() {
      String name = Refusal.name(file, string("a tensor name"));
      int rank = in.int32(name);
      if (rank < 1 || rank > HIGHEST_RANK) {
        throw bad("tensor %s: expected 1 to %d dimensions, found %d", name, HIGHEST_RANK, rank);
      }
      List<Long> dimensions = new ArrayList<>();
      for (int i = 0; i < rank; i++) {
        long dimension = in.int64(name);
        if (dimension < 1) {
          throw bad("tensor %s: expected dimensions of at least 1, found %d", name, dimension);
        }
        dimensions.add(dimension);
      }
      Collections.reverse(dimensions); // GGUF writes the innermost first
      Shape shape = new Shape(dimensions);
      int type = in.int32(name);
      long offset = in.int64(name);
      GgmlFormat format =
          Formats.numbered(type)
              .orElseThrow(() ->
                  bad(
                      "tensor %s: expected one of %s, found type number %d",
                      name, Formats.ALL, type));
      if (shape.columns() % format.blockSize() != 0) {
        throw bad(
            "tensor %s: expected rows of whole %s blocks of %d, found %s",
            name, format, format.blockSize(), shape);
      }
      try {
        return new Slot(name, format, shape, offset, format.bytes(shape.elements()));
      } catch (ArithmeticException e) {
        throw bad("tensor %s: shape %s has more elements than fit in a file", name, shape);
      }
    }

    /** Data lies in the order of the table, each tensor padded to the alignment. */
    private Map<String, Tensor> tensors(List<Slot> slots, long alignment) {
      long start = pad(in.at(), alignment);
      long size = Math.max(0, all.byteSize() - start);
      long next = 0;
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      for (Slot slot : slots) {
        if (slot.offset != next) {
          throw bad(
              "tensor %s: expected its data at byte %d, found it at %s",
              slot.name, next, Long.toUnsignedString(slot.offset));
        }
        if (slot.bytes > size || slot.offset > size - slot.bytes) {
          throw bad(
              "tensor %s: expected %d bytes at %d, found only %d bytes of data; the file is cut off",
              slot.name, slot.bytes, slot.offset, size);
        }
        MemorySegment bytes = all.asSlice(start + slot.offset, slot.bytes);
        add(tensors, new Tensor(file, slot.name, slot.format, slot.shape, bytes));
        next = pad(slot.offset + slot.bytes, alignment);
      }
      return tensors;
    }

    private long alignment(Map<String, GgufValue> metadata) {
      GgufValue value =
          metadata.getOrDefault("general.alignment", GgufValue.uint32(DEFAULT_ALIGNMENT));
      if (!(value instanceof GgufValue.Whole whole)
          || whole.value() < 1
          || whole.value() > 1 << 20
          || Long.bitCount(whole.value()) != 1) {
        throw bad("metadata general.alignment: expected a power of two to 2^20, found %s", value);
      }
      return whole.value();
    }

    private GgufType type(String key) {
      int id = in.int32(key);
      return GgufType.numbered(id)
          .orElseThrow(() -> bad("metadata %s: expected a type from 0 to 12, found %d", key, id));
    }

    private GgufValue value(String key, GgufType type) {
      return switch (type) {
        case UINT8 -> new GgufValue.Whole(type, in.uint8(key));
        case INT8 -> new GgufValue.Whole(type, in.int8(key));
        case UINT16 -> new GgufValue.Whole(type, in.uint16(key));
        case INT16 -> new GgufValue.Whole(type, in.int16(key));
        case UINT32 -> new GgufValue.Whole(type, in.uint32(key));
        case INT32 -> new GgufValue.Whole(type, in.int32(key));
        case UINT64, INT64 -> new GgufValue.Whole(type, in.int64(key));
        case FLOAT32 -> new GgufValue.Real(type, Float.intBitsToFloat(in.int32(key)));
        case FLOAT64 -> new GgufValue.Real(type, Double.longBitsToDouble(in.int64(key)));
        case BOOL -> new GgufValue.Flag(in.int8(key) != 0);
        case STRING -> new GgufValue.Text(string(key));
        case ARRAY -> array(key, type(key));
      };
    }

    private GgufValue array(String key, GgufType elementType) {
      return switch (elementType) {
        case ARRAY -> throw bad("metadata %s: expected no array of arrays, found one", key);
        case STRING -> strings(key);
        default -> numbers(key, elementType);
      };
    }

    private GgufValue strings(String key) {
      long count = count("strings in " + key, MOST_STRINGS - strings, GgufType.STRING.bytes());
      strings += (int) count;
      List<String> values = new ArrayList<>((int) count);
      for (long i = 0; i < count; i++) {
        values.add(string(key));
      }
      return new GgufValue.Texts(values);
    }

    private GgufValue numbers(String key, GgufType type) {
      long count = count("numbers in " + key, Integer.MAX_VALUE, type.bytes());
      return new GgufValue.Numbers(
          type, in.bytes(key, count * type.bytes()).toArray(ValueLayout.JAVA_BYTE));
    }

    /** A count of things that take at least {@code least} bytes each. */
    private long count(String what, long most, int least) {
      long count = in.int64("the number of " + what);
      long room = Math.min(most, in.remaining() / least);
      if (count < 0 || count > room) {
        throw bad(
            "expected at most %d %s, found a count of %s; the file is damaged",
            room, what, Long.toUnsignedString(count));
      }
      return count;
    }

    private String string(String what) {
      long length = in.int64(what);
      if (length < 0 || length > Math.min(in.remaining(), LONGEST_STRING)) {
        throw bad(
            "expected at most %d bytes of text for %s, found a length of %s; the file is damaged",
            Math.min(in.remaining(), LONGEST_STRING), what, Long.toUnsignedString(length));
      }
      return in.utf8(what, length);
    }

    private PhialException bad(String message, Object... details) {
      return Refusal.bad(file, message, details);
    }
  }

  /** {@code size} rounded up to a multiple of {@code alignment}. */
  public static long pad(long size, long alignment) {
    return (size + alignment - 1) / alignment * alignment;
  }
}
