package dev.phial.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.atomic.AtomicLong;

/** Time and memory of a command. Memory is what the process itself takes, mapped files aside. */
final class Stopwatch {
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final int SAMPLE_MILLIS = 50;

  private final long started;
  private final AtomicLong peak = new AtomicLong();

  private Stopwatch(long started) {
    this.started = started;
  }

  static Stopwatch start() {
    long started =
        ProcessHandle.current()
            .info()
            .startInstant()
            .map(java.time.Instant::toEpochMilli)
            .orElse(System.currentTimeMillis());
    Stopwatch stopwatch = new Stopwatch(started);
    Thread.ofPlatform().name("phial-memory").daemon().start(stopwatch::sample);
    return stopwatch;
  }

  private void sample() {
    try {
      while (true) {
        peak.accumulateAndGet(current(), Math::max);
        Thread.sleep(SAMPLE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Anonymous resident memory where the system tells it, else the heap. */
  private static long current() {
    try {
      for (String line : Files.readAllLines(STATUS)) {
        if (line.startsWith("RssAnon:")) {
          return Long.parseLong(line.replaceAll("\\D", "")) * 1024;
        }
      }
    } catch (IOException e) {
      // not Linux
    }
    Runtime runtime = Runtime.getRuntime();
    return runtime.totalMemory() - runtime.freeMemory();
  }

  double seconds() {
    return (System.currentTimeMillis() - started) / 1000.0;
  }

  long peakBytes() {
    return peak.accumulateAndGet(current(), Math::max);
  }

  @Override
  public String toString() {
    return String.format(Locale.ROOT, "%.2f s, peak memory %s", seconds(), Sizes.of(peakBytes()));
  }
}
