package dev.phial.source;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** The bytes of a file as they are. */
public final class Contents {
  private Contents() {}

  /**
   * Writes them.
   *
   * @throws IOException if they cannot be read, or written
   */
  public static void copy(Path file, OutputStream to) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      in.transferTo(to);
    }
  }
}
