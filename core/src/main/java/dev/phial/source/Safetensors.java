package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.tensor.Arrival;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.io.InputStreamReader;
import java.io.Reader;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.core.JsonToken;

/**
 * A safetensors file: eight bytes of header length, a JSON header, the data. The checks are those
 * of the format's own implementation (huggingface/safetensors, {@code read_metadata}), with lower
 * limits: the header is capped, offsets are contiguous and end where the file ends.
 */
final class Safetensors {
  private static final long LARGEST_HEADER = 16 << 20;
  private static final int MOST_TENSORS = 1 << 16;
  private static final int MOST_METADATA = 1 << 16;
  private static final int HIGHEST_RANK = 8;

  private final Path file;

  private Safetensors(Path file) {
    this.file = file;
  }

  /**
   * The tensors of a file, sorted by name as every reader of the format returns them.
   *
   * @throws PhialException.BadInput if the file breaks a rule of the format
   */
  static Map<String, Tensor> read(Path file, Arena arena) {
    return new Safetensors(file).read(MappedFile.map(file, arena));
  }

  /**
   * The tensors of a file of which only the header is here.
   *
   * @throws PhialException.BadInput if the file breaks a rule of the format
   */
  static Map<String, Tensor> read(Path file, Arena arena, Arrivals arrivals) {
    MemorySegment all = MappedFile.map(file, arena);
    Arrival arrival = arrivals.of(file, all);
    Map<String, Tensor> tensors = new Safetensors(file).read(all);
    tensors.replaceAll((name, tensor) -> tensor.arrivingBy(arrival));
    return tensors;
  }

  private Map<String, Tensor> read(MemorySegment all) {
    if (all.byteSize() < 8) {
      throw bad("expected at least 8 bytes, found %d; download it again", all.byteSize());
    }
    long length = all.get(ValueLayout.JAVA_LONG_UNALIGNED.withOrder(ByteOrder.LITTLE_ENDIAN), 0);
    if (length < 2 || length > LARGEST_HEADER || length > all.byteSize() - 8) {
      throw bad(
          "expected a header of 2 to %d bytes, found %s; the file is cut off or no safetensors file",
          Math.min(LARGEST_HEADER, all.byteSize() - 8), Long.toUnsignedString(length));
    }
    if (all.get(ValueLayout.JAVA_BYTE, 8) != '{') {
      throw bad("expected a header that starts with {, found other bytes");
    }
    List<Entry> entries = parse(all.asSlice(8, length));
    MemorySegment data = all.asSlice(8 + length);
    checkContiguous(entries, data.byteSize());
    Map<String, Tensor> tensors = new TreeMap<>();
    for (Entry entry : entries) {
      MemorySegment bytes = data.asSlice(entry.begin, entry.end - entry.begin);
      tensors.put(entry.name, new Tensor(file, entry.name, entry.dtype, entry.shape, bytes));
    }
    return tensors;
  }

  private List<Entry> parse(MemorySegment header) {
    List<Entry> entries = new ArrayList<>();
    // a decoder of its own: the JSON parser would guess at UTF-16 and let odd UTF-8 pass
    Reader text =
        new InputStreamReader(new SegmentInputStream(header), StandardCharsets.UTF_8.newDecoder());
    try (JsonParser parser = Json.STRICT.createParser(text)) {
      expect(parser, parser.nextToken(), JsonToken.START_OBJECT);
      while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        if (name.equals("__metadata__")) {
          skipMetadata(parser);
        } else {
          entries.add(entry(Refusal.name(file, name), parser));
        }
        if (entries.size() > MOST_TENSORS) {
          throw bad("expected at most %d tensors, found more", MOST_TENSORS);
        }
      }
      expect(parser, parser.currentToken(), JsonToken.END_OBJECT);
      if (parser.nextToken() != null) {
        throw bad("expected nothing but spaces after the JSON header, found more");
      }
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
    return entries;
  }

  /** Text by name, which nothing here needs. */
  private void skipMetadata(JsonParser parser) {
    expect(parser, parser.currentToken(), JsonToken.START_OBJECT);
    for (int i = 0; parser.nextToken() == JsonToken.PROPERTY_NAME; i++) {
      expect(parser, parser.nextToken(), JsonToken.VALUE_STRING);
      if (i == MOST_METADATA) {
        throw bad("expected at most %d names in __metadata__, found more", MOST_METADATA);
      }
    }
  }

  private Entry entry(String name, JsonParser parser) {
    expect(parser, parser.currentToken(), JsonToken.START_OBJECT);
    String dtype = "";
    List<Long> shape = null;
    List<Long> offsets = null;
    while (parser.nextToken() == JsonToken.PROPERTY_NAME) {
      String key = parser.currentName();
      parser.nextToken();
      switch (key) {
        case "dtype" -> {
          expect(parser, parser.currentToken(), JsonToken.VALUE_STRING);
          dtype = parser.getString();
        }
        case "shape" -> shape = longs(name, parser, HIGHEST_RANK);
        case "data_offsets" -> offsets = longs(name, parser, 2);
        default ->
            throw bad("tensor %s: expected dtype, shape and data_offsets, found %s", name, key);
      }
    }
    if (shape == null || offsets == null || offsets.size() != 2) {
      throw bad("tensor %s: expected dtype, shape and two data_offsets, found less", name);
    }
    return entry(name, dtype(name, dtype), new Shape(shape), offsets.get(0), offsets.get(1));
  }

  private Entry entry(String name, DType dtype, Shape shape, long begin, long end) {
    if (shape.dimensions().contains(0L)) {
      throw bad(
          "tensor %s: expected dimensions of at least 1, found shape %s; was the model saved in parts?",
          name, shape);
    }
    long bytes;
    try {
      bytes = dtype.bytes(shape.elements());
    } catch (ArithmeticException e) {
      throw bad("tensor %s: shape %s has more elements than fit in a file", name, shape);
    }
    if (end < begin || end - begin != bytes) {
      throw bad(
          "tensor %s: expected %d bytes for %s %s, found offsets %d to %d",
          name, bytes, dtype, shape, begin, end);
    }
    return new Entry(name, dtype, shape, begin, end);
  }

  private DType dtype(String tensor, String name) {
    for (DType dtype : DType.values()) {
      if (dtype.name().equals(name)) {
        return dtype;
      }
    }
    throw bad(
        "tensor %s: expected one of %s, found dtype %s", tensor, List.of(DType.values()), name);
  }

  private List<Long> longs(String tensor, JsonParser parser, int most) {
    expect(parser, parser.currentToken(), JsonToken.START_ARRAY);
    List<Long> values = new ArrayList<>();
    while (parser.nextToken() != JsonToken.END_ARRAY) {
      expect(parser, parser.currentToken(), JsonToken.VALUE_NUMBER_INT);
      long value = parser.getLongValue();
      if (value < 0 || values.size() == most) {
        throw bad(
            "tensor %s: expected at most %d numbers, none negative, found more or %d",
            tensor, most, value);
      }
      values.add(value);
    }
    return values;
  }

  /**
   * No gaps, no overlaps, nothing beyond the end: a hole could hide data, an overlap could alias
   * it.
   */
  private void checkContiguous(List<Entry> entries, long size) {
    entries.sort(Comparator.comparingLong(Entry::begin).thenComparingLong(Entry::end));
    long next = 0;
    for (Entry entry : entries) {
      if (entry.begin != next) {
        throw bad(
            "tensor %s: expected its data at byte %d, found it at %d",
            entry.name, next, entry.begin);
      }
      next = entry.end;
    }
    if (next != size) {
      throw bad(
          "expected %d bytes of data, found %d; the file is cut off or has a tail", next, size);
    }
  }

  private void expect(JsonParser parser, JsonToken found, JsonToken expected) {
    if (found != expected) {
      throw bad(
          "expected %s in the header, found %s at character %d",
          expected, found, parser.currentLocation().getCharOffset());
    }
  }

  private PhialException bad(String message, Object... details) {
    return Refusal.bad(file, message, details);
  }

  private record Entry(String name, DType dtype, Shape shape, long begin, long end) {}
}
