package dev.phial.targets.layout;

import java.nio.ByteBuffer;

/** Takes what belongs into slots, from several threads. */
public interface Out {
  /**
   * Writes all of {@code bytes} into a slot.
   *
   * @param position in bytes from the beginning of the slot
   */
  void write(Slot slot, ByteBuffer bytes, long position);

  /** Writes an array. */
  default void write(Slot slot, byte[] bytes, long position) {
    write(slot, ByteBuffer.wrap(bytes), position);
  }
}
