package dev.phial.spark;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** How much each executor did in which time, and what it left for the driver. */
final class Throughput {
  private static final double SECOND = 1e9; // nanoseconds

  private final Map<String, Sum> executors = new TreeMap<>();
  private final long start = System.nanoTime();
  private long driver; // nanoseconds

  private static final class Sum {
    private int tasks;
    private long amount;
    private long nanos;
  }

  void add(Written written, long amount) {
    Sum sum = executors.computeIfAbsent(written.executor(), any -> new Sum());
    sum.tasks++;
    sum.amount += amount;
    sum.nanos += written.nanos();
  }

  /** Adds the time in which the driver took what a task wrote. */
  void addDriver(long nanos) {
    driver += nanos;
  }

  /** A line for each executor, and one for the driver; seconds are those of one core. */
  List<String> lines(String unit) {
    String own =
        String.format(
            Locale.ROOT,
            "driver: %.1f s of %.1f s",
            driver / SECOND,
            (System.nanoTime() - start) / SECOND);
    return Stream.concat(executorLines(unit), Stream.of(own)).toList();
  }

  private Stream<String> executorLines(String unit) {
    return executors.entrySet().stream()
        .map(entry -> {
          Sum sum = entry.getValue();
          double seconds = sum.nanos / SECOND;
          return String.format(
              Locale.ROOT,
              "executor %s: %,d tasks, %,d %s in %.1f s, %,.0f a second and core",
              entry.getKey(),
              sum.tasks,
              sum.amount,
              unit,
              seconds,
              sum.amount / seconds);
        });
  }
}
