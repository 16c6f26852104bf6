package dev.phial.cli;

import dev.phial.PhialException;

/** What commands share about {@code --threads}. */
final class Threads {
  static final String DESCRIPTION =
      "Threads to work with; as many as there are processors by default.";

  /** Each has its own arrays; more would not fit the heap. */
  private static final int MOST = 256;

  private Threads() {}

  static int usual() {
    return Math.min(MOST, Runtime.getRuntime().availableProcessors());
  }

  static void check(int threads) {
    if (threads < 1 || threads > MOST) {
      throw new PhialException.Usage(
          "--threads: expected 1 to %d, found %d".formatted(MOST, threads));
    }
  }
}
