package dev.phial.io;

import java.nio.ByteBuffer;

/** Something that takes bytes at any position, from several threads. */
public interface Bytes {
  /**
   * Writes all of {@code bytes} at byte {@code position}.
   *
   * @throws dev.phial.PhialException.OutputFailed if they cannot be kept
   */
  void write(ByteBuffer bytes, long position);
}
