package dev.phial.targets.gguf;

import dev.phial.source.Gguf;
import dev.phial.source.GgufType;
import dev.phial.source.GgufValue;
import dev.phial.tensor.Shape;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/** What a GGUF file (version 3) begins with. */
final class GgufHeader {
  private static final int VERSION = 3;

  private GgufHeader() {}

  /**
   * A line of the tensor table.
   *
   * @param type the number of its type
   * @param bytes in the file, padding included
   */
  record Entry(String name, Shape shape, int type, long bytes) {}

  /**
   * Magic, counts, metadata, tensor table, and the padding up to the data.
   *
   * @param metadata in the order of the file
   */
  static byte[] bytes(Map<String, GgufValue> metadata, List<Entry> tensors) {
    Bytes bytes = new Bytes();
    bytes.int32(Gguf.MAGIC);
    bytes.int32(VERSION);
    bytes.int64(tensors.size());
    bytes.int64(metadata.size());
    metadata.forEach((key, value) -> {
      bytes.string(key);
      bytes.int32(value.type().id());
      bytes.value(value);
    });
    long offset = 0;
    for (Entry tensor : tensors) {
      List<Long> dimensions = tensor.shape.dimensions();
      bytes.string(tensor.name);
      bytes.int32(dimensions.size());
      dimensions.reversed().forEach(bytes::int64); // the innermost first
      bytes.int32(tensor.type);
      bytes.int64(offset);
      offset += tensor.bytes;
    }
    bytes.pad(Gguf.DEFAULT_ALIGNMENT);
    return bytes.toByteArray();
  }

  /** Writes numbers, the low byte first. */
  private static final class Bytes {
    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final ByteBuffer buffer =
        ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);

    byte[] toByteArray() {
      return out.toByteArray();
    }

    void pad(int alignment) {
      out.writeBytes(new byte[(int) (Gguf.pad(out.size(), alignment) - out.size())]);
    }

    void whole(long value, int bytes) {
      out.write(buffer.putLong(0, value).array(), 0, bytes);
    }

    void int32(int value) {
      whole(value, Integer.BYTES);
    }

    void int64(long value) {
      whole(value, Long.BYTES);
    }

    void string(String value) {
      byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
      int64(utf8.length);
      out.writeBytes(utf8);
    }

    void value(GgufValue value) {
      switch (value) {
        case GgufValue.Whole whole -> whole(whole.value(), whole.type().bytes());
        case GgufValue.Real real when real.type() == GgufType.FLOAT32 ->
            int32(Float.floatToRawIntBits((float) real.value()));
        case GgufValue.Real real -> int64(Double.doubleToRawLongBits(real.value()));
        case GgufValue.Flag flag -> whole(flag.value() ? 1 : 0, 1);
        case GgufValue.Text text -> string(text.value());
        case GgufValue.Texts texts -> {
          int32(GgufType.STRING.id());
          int64(texts.values().size());
          texts.values().forEach(this::string);
        }
        case GgufValue.Numbers numbers -> {
          int32(numbers.elementType().id());
          int64(numbers.count());
          out.writeBytes(numbers.bytes());
        }
      }
    }
  }
}
