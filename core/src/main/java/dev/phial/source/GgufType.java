package dev.phial.source;

import java.util.Optional;

/** The value types of GGUF metadata, in the order of their numbers. */
public enum GgufType {
  UINT8(1),
  INT8(1),
  UINT16(2),
  INT16(2),
  UINT32(4),
  INT32(4),
  FLOAT32(4),
  BOOL(1),
  /** A length of eight bytes and that many bytes of UTF-8. */
  STRING(8),
  /** A type of four bytes, a length of eight, and that many values. */
  ARRAY(12),
  UINT64(8),
  INT64(8),
  FLOAT64(8);

  private final int bytes;

  GgufType(int bytes) {
    this.bytes = bytes;
  }

  /** Bytes of a value; of strings and arrays, the least they take. */
  public int bytes() {
    return bytes;
  }

  /** The number in a file. */
  public int id() {
    return ordinal();
  }

  static Optional<GgufType> numbered(int id) {
    return id >= 0 && id < values().length ? Optional.of(values()[id]) : Optional.empty();
  }
}
