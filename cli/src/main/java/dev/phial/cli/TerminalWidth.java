package dev.phial.cli;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.concurrent.TimeUnit;
import java.util.function.IntSupplier;

/**
 * How wide the terminal is now: its window may be resized while a command runs. Java cannot tell,
 * so {@code stty} is asked; where there is none, what the launcher said at first stays.
 */
final class TerminalWidth implements IntSupplier {
  private static final File TERMINAL = new File("/dev/tty");
  private static final int LONGEST_WAIT = 200; // milliseconds

  private int columns;
  private boolean isAsked;

  /**
   * @param columns at first, or 0 if there is no terminal
   */
  TerminalWidth(int columns) {
    this.columns = columns;
  }

  @Override
  public int getAsInt() {
    if (columns > 0 && isAsked) {
      columns = ask(columns);
    }
    isAsked = true; // the launcher has just asked
    return columns;
  }

  private static int ask(int before) {
    try {
      Process stty =
          new ProcessBuilder("stty", "size")
              .redirectInput(TERMINAL)
              .redirectError(ProcessBuilder.Redirect.DISCARD)
              .start();
      if (!stty.waitFor(LONGEST_WAIT, TimeUnit.MILLISECONDS)) {
        stty.destroyForcibly();
        return before;
      }
      String said = new String(stty.getInputStream().readAllBytes(), StandardCharsets.US_ASCII);
      return said.matches("\\d{1,4} [1-9]\\d{0,3}\\s*")
          ? Integer.parseInt(said.substring(said.indexOf(' ') + 1).strip())
          : before;
    } catch (IOException e) {
      return before;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return before;
    }
  }
}
