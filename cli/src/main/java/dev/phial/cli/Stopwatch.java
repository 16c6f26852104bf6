package dev.phial.cli;

import com.sun.management.OperatingSystemMXBean;
import dev.phial.io.Sizes;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.ref.WeakReference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Time and memory of a command. Time counts from the start of the JVM where the system tells it to
 * the tick (Linux), else from here. Memory is what the process itself takes, heap and native; the
 * mapped files of a model are the system's cache and not counted.
 */
final class Stopwatch {
  private static final Path PROCESSOR = Path.of("/proc/cpuinfo");
  private static final Path STATUS = Path.of("/proc/self/status");
  private static final Path MEMORY = Path.of("/proc/meminfo");
  private static final Path UPTIME = Path.of("/proc/uptime");
  private static final Path MAIN_THREAD = Path.of("/proc/thread-self/stat");

  /** Of {@code /proc}, on every architecture. */
  private static final long NANOS_PER_TICK = TimeUnit.SECONDS.toNanos(1) / 100;

  /** A longer start than this is a clock that is not ours to understand. */
  private static final long LONGEST_START = TimeUnit.SECONDS.toNanos(30);

  private static final int SAMPLE_MILLIS = 50;

  private final long started;
  private final AtomicLong peak = new AtomicLong();

  private Stopwatch(long started) {
    this.started = started;
  }

  /** Starts counting; called by the thread that the JVM was started with. */
  static Stopwatch start() {
    Stopwatch stopwatch = new Stopwatch(System.nanoTime() - sinceStart());
    WeakReference<AtomicLong> peak = new WeakReference<>(stopwatch.peak);
    Thread.ofPlatform().name("phial-memory").daemon().start(() -> sample(peak));
    return stopwatch;
  }

  /**
   * Nanoseconds since the main thread came to be, which is when the JVM did: the process may have
   * been the launcher before. Both files count from the start of the system, in hundredths of a
   * second.
   */
  private static long sinceStart() {
    try {
      String stat = Files.readString(MAIN_THREAD);
      // the fields after the name, which may hold anything; the start is number 22 of proc(5)
      String[] fields = stat.substring(stat.lastIndexOf(')') + 2).split(" ", -1);
      long start = Long.parseLong(fields[22 - 3]) * NANOS_PER_TICK;
      String uptime = Files.readString(UPTIME);
      long now = (long) (Double.parseDouble(uptime.substring(0, uptime.indexOf(' '))) * 1e9);
      return now >= start && now - start < LONGEST_START ? now - start : 0;
    } catch (IOException | RuntimeException e) {
      return 0; // not Linux, or one that tells it otherwise
    }
  }

  /** Goes on until nobody has the stopwatch any more: a process may run many commands. */
  private static void sample(WeakReference<AtomicLong> peak) {
    try {
      while (hasSampled(peak)) {
        Thread.sleep(SAMPLE_MILLIS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private static boolean hasSampled(WeakReference<AtomicLong> peak) {
    AtomicLong found = peak.get();
    if (found != null) {
      found.accumulateAndGet(current(), Math::max);
    }
    return found != null;
  }

  private static long current() {
    return anonymous()
        .orElseGet(() -> {
          Runtime runtime = Runtime.getRuntime();
          return runtime.totalMemory() - runtime.freeMemory();
        });
  }

  /** Resident memory that no file backs, where the system tells it. */
  private static OptionalLong anonymous() {
    return kilobytes(STATUS, "RssAnon:"); // not Linux: the heap is all that is known
  }

  private static OptionalLong kilobytes(Path file, String name) {
    try {
      List<String> lines = Files.readAllLines(file);
      return lines.stream()
          .filter(line -> line.startsWith(name))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")) * 1024)
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  /** What the processor calls itself, where the system tells it. */
  static String processor() {
    try {
      return Files.readAllLines(PROCESSOR).stream()
          .filter(line -> line.startsWith("model name"))
          .map(line -> line.substring(line.indexOf(':') + 1).strip())
          .findFirst()
          .orElse(System.getProperty("os.arch", "?"));
    } catch (IOException e) {
      return System.getProperty("os.arch", "?");
    }
  }

  /** Memory that the system would still give, as far as it tells. */
  static long freeBytes() {
    OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
    long total = system.getTotalMemorySize(); // of the container, if there is one
    return Math.min(total, kilobytes(MEMORY, "MemAvailable:").orElse(total));
  }

  double seconds() {
    return (System.nanoTime() - started) / 1e9;
  }

  long peakBytes() {
    return peak.accumulateAndGet(current(), Math::max);
  }

  @Override
  public String toString() {
    return String.format(
        Locale.ROOT,
        "%.2f s, peak memory %s (%s)",
        seconds(),
        Sizes.of(peakBytes()),
        anonymous().isPresent() ? "heap and native, mapped files aside" : "heap");
  }
}
