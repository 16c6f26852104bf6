package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.source.TextFile;
import java.io.Console;
import java.io.IOException;

/** All of standard input as a text, for commands that were given none. */
final class StandardInput {
  private StandardInput() {}

  /** Whether somebody types it. */
  @SuppressWarnings("SystemConsoleNull") // without a terminal it is null again since JDK 25
  static boolean isTerminal() {
    Console console = System.console();
    return console != null && console.isTerminal();
  }

  /**
   * @param most how many bytes it may have
   */
  static String read(int most) {
    if (isTerminal()) {
      System.err.println("Type a text; Ctrl-D on a line of its own ends it.");
    }
    try {
      return TextFile.read(System.in, "standard input", most);
    } catch (IOException e) {
      throw new PhialException.BadInput("standard input cannot be read: " + e.getMessage(), e);
    }
  }
}
