package dev.phial.tensor;

import java.lang.foreign.MemorySegment;

/** Brings the bytes of a mapped file, for files that are not here yet when they are mapped. */
@FunctionalInterface
public interface Arrival {
  /** Of a file that is here. */
  Arrival HERE = data -> {};

  /**
   * Returns when bytes may be read.
   *
   * @param data a part of the mapped file
   * @throws dev.phial.PhialException if they do not come
   */
  void await(MemorySegment data);
}
