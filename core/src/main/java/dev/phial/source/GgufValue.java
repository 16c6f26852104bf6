package dev.phial.source;

import java.util.List;

/** A value of GGUF metadata. */
public sealed interface GgufValue {
  GgufType type();

  /** Whole numbers of every width; an unsigned 64-bit one keeps its bits. */
  record Whole(GgufType type, long value) implements GgufValue {
    @Override
    public String toString() {
      return type == GgufType.UINT64 ? Long.toUnsignedString(value) : Long.toString(value);
    }
  }

  /** FLOAT32 and FLOAT64; a single fits a double exactly. */
  record Real(GgufType type, double value) implements GgufValue {
    @Override
    public String toString() {
      return type == GgufType.FLOAT32 ? Float.toString((float) value) : Double.toString(value);
    }
  }

  record Flag(boolean value) implements GgufValue {
    @Override
    public GgufType type() {
      return GgufType.BOOL;
    }

    @Override
    public String toString() {
      return Boolean.toString(value);
    }
  }

  record Text(String value) implements GgufValue {
    @Override
    public GgufType type() {
      return GgufType.STRING;
    }

    @Override
    public String toString() {
      return value;
    }
  }

  record Texts(List<String> values) implements GgufValue {
    public Texts {
      values = List.copyOf(values);
    }

    @Override
    public GgufType type() {
      return GgufType.ARRAY;
    }

    @Override
    public String toString() {
      return "[%d strings]".formatted(values.size());
    }
  }

  /**
   * An array of numbers or flags, as the bytes of the file.
   *
   * @param bytes not to be changed
   */
  record Numbers(GgufType elementType, byte[] bytes) implements GgufValue {
    @Override
    public GgufType type() {
      return GgufType.ARRAY;
    }

    public int count() {
      return bytes.length / elementType.bytes();
    }

    @Override
    public String toString() {
      return "[%d %s]".formatted(count(), elementType);
    }
  }

  static GgufValue uint16(int value) {
    return new Whole(GgufType.UINT16, value);
  }

  static GgufValue uint32(long value) {
    return new Whole(GgufType.UINT32, value);
  }

  static GgufValue int32(int value) {
    return new Whole(GgufType.INT32, value);
  }

  static GgufValue float32(double value) {
    return new Real(GgufType.FLOAT32, (float) value);
  }
}
