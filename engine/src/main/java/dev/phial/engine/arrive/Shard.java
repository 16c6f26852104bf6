package dev.phial.engine.arrive;

/** A file of weights that comes bit by bit. */
public interface Shard extends AutoCloseable {
  /**
   * Returns when bytes are here.
   *
   * @throws dev.phial.PhialException if they do not come
   */
  void need(long first, long end);

  /** See {@link dev.phial.source.Arrivals#begin}. */
  default void begin() {}

  /** See {@link dev.phial.source.Arrivals#finish}. */
  default void finish() {}

  /** SHA-256 of all of it, in hexadecimal. */
  String sha256();

  @Override
  void close();
}
