package dev.phial.cli;

import dev.phial.io.Progress;
import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;

/**
 * A progress bar on a terminal, in one line that is written over: how far, how fast, how long
 * still, at what. The launcher says how wide the terminal is that stderr goes to, if it goes to
 * one.
 */
final class Bar implements Progress, AutoCloseable {
  private static final int LENGTH = 20;
  private static final long INTERVAL = 100_000_000; // nanoseconds between two updates
  private static final long FIRST_ESTIMATE = 1_000_000_000; // what is said earlier is far off

  private final PrintStream out;
  private final int columns;
  private final Unit unit;
  private long total = 1;
  private long done;
  private long started;
  private long shown;

  /** What is counted. */
  enum Unit {
    BYTES,
    TOKENS;

    /** {@code 1.2 GB of 7.6 GB, 503 MB/s}. */
    private String progress(long done, long total, double seconds) {
      return switch (this) {
        case BYTES ->
            String.format(
                Locale.ROOT,
                "%s of %s, %.0f MB/s",
                Sizes.of(done),
                Sizes.of(total),
                done / 1e6 / seconds);
        case TOKENS ->
            String.format(
                Locale.ROOT, "%,d of %,d tokens, %.0f tokens/s", done, total, done / seconds);
      };
    }
  }

  /**
   * @param columns of the terminal, or 0 if there is none
   */
  Bar(PrintStream out, int columns, Unit unit) {
    this.out = out;
    this.columns = columns;
    this.unit = unit;
  }

  static Bar of(Unit unit) {
    return new Bar(System.err, Integer.getInteger("phial.columns", guess()), unit);
  }

  /** For a launcher that cannot say. */
  @SuppressWarnings("SystemConsoleNull") // without a terminal it is null again since JDK 25
  private static int guess() {
    Console console = System.console();
    return console != null && console.isTerminal() ? 80 : 0;
  }

  @Override
  public synchronized void start(long newTotal) {
    total = Math.max(1, newTotal);
    started = System.nanoTime();
    shown = started - INTERVAL;
  }

  @Override
  public synchronized void advance(String what, long more) {
    done += more;
    long now = System.nanoTime();
    if (columns > 0 && now - shown >= INTERVAL) {
      shown = now;
      write(line(what, now - started));
    }
  }

  private String line(String what, long nanos) {
    double seconds = nanos / 1e9;
    int marks = (int) (LENGTH * done / total);
    return String.format(
        Locale.ROOT,
        "%3d%% [%s%s] %s, %s left, %s",
        100 * done / total,
        "=".repeat(marks),
        " ".repeat(LENGTH - marks),
        unit.progress(done, total, seconds),
        nanos < FIRST_ESTIMATE ? "?" : time((total - done) * seconds / done),
        what);
  }

  /** {@code 1:05} or {@code 2:01:05}. */
  private static String time(double seconds) {
    long s = Math.round(seconds);
    return s < 3600
        ? String.format(Locale.ROOT, "%d:%02d", s / 60, s % 60)
        : String.format(Locale.ROOT, "%d:%02d:%02d", s / 3600, s / 60 % 60, s % 60);
  }

  /** The last column stays free: some terminals would go to the next line. */
  private void write(String line) {
    int width = columns - 1;
    out.print(
        "\r"
            + (line.length() > width
                ? line.substring(0, width)
                : line + " ".repeat(width - line.length())));
    out.flush();
  }

  /** Leaves an empty line. */
  @Override
  public synchronized void close() {
    if (columns > 0 && done > 0) {
      write("");
      out.print("\r");
      out.flush();
    }
  }
}
