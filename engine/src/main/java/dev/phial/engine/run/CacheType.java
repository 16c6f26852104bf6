package dev.phial.engine.run;

/** How keys and values are held. */
public enum CacheType {
  /** Exact. */
  F32(Float.BYTES),
  /** Half the memory, as runtimes do. */
  F16(Short.BYTES);

  private final int bytes;

  CacheType(int bytes) {
    this.bytes = bytes;
  }

  int bytes() {
    return bytes;
  }
}
