package dev.phial.cli;

import dev.phial.PhialException;
import java.util.Optional;

/** What commands share about {@code --memory}. */
final class Memory {
  private Memory() {}

  /**
   * @param given a number and M or G
   * @return bytes; three quarters of what is free where nothing is given
   */
  static long bytes(Optional<String> given) {
    return given
        .map(size -> {
          if (!size.matches("[1-9]\\d{0,5}[MG]")) {
            throw new PhialException.Usage("--memory: expected a number and M or G, found " + size);
          }
          long number = Long.parseLong(size.substring(0, size.length() - 1));
          return number * (size.endsWith("G") ? 1_000_000_000 : 1_000_000);
        })
        .orElseGet(() -> Stopwatch.freeBytes() / 4 * 3);
  }
}
