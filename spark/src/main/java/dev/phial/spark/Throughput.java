package dev.phial.spark;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/** How much each executor did in which time. */
final class Throughput {
  private final Map<String, Sum> executors = new TreeMap<>();

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

  /** A line for each executor; seconds are those of its tasks, one core each. */
  List<String> lines(String unit) {
    return executors.entrySet().stream()
        .map(entry -> {
          Sum sum = entry.getValue();
          double seconds = sum.nanos / 1e9;
          return String.format(
              Locale.ROOT,
              "executor %s: %,d tasks, %,d %s in %.1f s, %,.0f a second and core",
              entry.getKey(),
              sum.tasks,
              sum.amount,
              unit,
              seconds,
              sum.amount / seconds);
        })
        .toList();
  }
}
