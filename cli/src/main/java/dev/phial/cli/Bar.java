package dev.phial.cli;

import dev.phial.io.Progress;
import dev.phial.io.Sizes;
import java.io.Console;
import java.io.PrintStream;
import java.util.Locale;
import java.util.function.IntSupplier;

/**
 * A progress bar on a terminal, in one line that is written over: how far, how fast, how long
 * still, at what. The launcher says how wide the terminal is that stderr goes to, if it goes to
 * one.
 */
final class Bar implements Progress.Stage {
  private static final int LENGTH = 20;
  private static final long INTERVAL = 100_000_000; // nanoseconds between two updates
  private static final long REMEASURED = 1_000_000_000; // a window may have been resized
  private static final long FIRST_ESTIMATE = 1_000_000_000; // what is said earlier is far off

  private static volatile boolean isOnLine;

  private final PrintStream out;
  private final IntSupplier width;
  private final Progress.Unit unit;
  private final long total;
  private final long started;
  private long done;
  private long shown;
  private int columns;
  private long measured;

  /**
   * @param width columns of the terminal, or 0 if there is none; asked every now and then
   */
  Bar(PrintStream out, IntSupplier width, Progress.Unit unit, long total) {
    this.out = out;
    this.width = width;
    this.columns = width.getAsInt();
    this.unit = unit;
    this.total = Math.max(1, total);
    this.started = System.nanoTime();
    this.shown = started - INTERVAL;
    this.measured = started;
  }

  /** A bar for each stage of some work. What ends the process leaves the bar's line, too. */
  static Progress progress() {
    Runtime.getRuntime().addShutdownHook(new Thread(Bar::leave));
    TerminalWidth width = new TerminalWidth(Integer.getInteger("phial.columns", guess()));
    return (unit, total) -> new Bar(System.err, width, unit, total);
  }

  private static void leave() {
    if (isOnLine) {
      System.err.println();
    }
  }

  /** For a launcher that cannot say. */
  @SuppressWarnings("SystemConsoleNull") // without a terminal it is null again since JDK 25
  private static int guess() {
    Console console = System.console();
    return console != null && console.isTerminal() ? 80 : 0;
  }

  @Override
  public synchronized void advance(String what, long more) {
    done += more;
    long now = System.nanoTime();
    if (columns > 0 && now - shown >= INTERVAL) {
      shown = now;
      if (now - measured >= REMEASURED) {
        measured = now;
        columns = width.getAsInt();
      }
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
        count(seconds),
        nanos < FIRST_ESTIMATE ? "?" : time((total - done) * seconds / done),
        what);
  }

  /** {@code 1.2 GB of 7.6 GB, 503 MB/s}. */
  private String count(double seconds) {
    return switch (unit) {
      case BYTES ->
          String.format(
              Locale.ROOT,
              "%s of %s, %.0f MB/s",
              Sizes.of(done),
              Sizes.of(total),
              done / 1e6 / seconds);
      case TOKENS, QUESTIONS ->
          String.format(
              Locale.ROOT,
              "%,d of %,d %s, %.0f/s",
              done,
              total,
              unit.name().toLowerCase(Locale.ROOT),
              done / seconds);
      case WEIGHTS ->
          String.format(Locale.ROOT, "%.1f of %.1f million weights", done / 1e6, total / 1e6);
    };
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
    isOnLine = !line.isEmpty();
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
