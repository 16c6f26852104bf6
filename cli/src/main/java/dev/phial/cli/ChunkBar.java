package dev.phial.cli;

import java.util.Locale;

/** How many chunks of a text were read, in one line on a terminal. */
final class ChunkBar implements AutoCloseable {
  private final int total;
  private final boolean isShown = Integer.getInteger("phial.columns", 0) > 0;
  private final long started = System.nanoTime();

  private ChunkBar(int total) {
    this.total = total;
  }

  static ChunkBar of(int total) {
    return new ChunkBar(total);
  }

  void advance(int done) {
    if (isShown) {
      double seconds = (System.nanoTime() - started) / 1e9;
      long left = Math.round(seconds * (total - done) / done);
      System.err.printf(
          Locale.ROOT, "\rchunk %d of %d, %d:%02d left ", done, total, left / 60, left % 60);
      System.err.flush();
    }
  }

  /** Leaves an empty line. */
  @Override
  public void close() {
    if (isShown) {
      System.err.print("\r" + " ".repeat(40) + "\r");
      System.err.flush();
    }
  }
}
