package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.source.TextFile;
import java.io.IOException;

/** All of standard input as a text, for commands that were given none. */
final class StandardInput {
  private StandardInput() {}

  /**
   * @param most how many bytes it may have
   */
  static String read(int most) {
    try {
      return TextFile.read(System.in, "standard input", most);
    } catch (IOException e) {
      throw new PhialException.BadInput("standard input cannot be read: " + e.getMessage(), e);
    }
  }
}
