package dev.phial.engine.run;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

final class TeamTest {
  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 8})
  void runsEveryIndexOnce(int threads) {
    try (Team team = new Team(threads)) {
      for (int round = 0; round < 2000; round++) {
        int tasks = round % 17;
        AtomicIntegerArray runs = new AtomicIntegerArray(tasks);
        team.run(
            tasks,
            (index, worker) -> {
              assertThat(worker).isBetween(0, threads - 1);
              runs.incrementAndGet(index);
            });
        for (int i = 0; i < tasks; i++) {
          assertThat(runs.get(i)).isEqualTo(1);
        }
      }
    }
  }

  @Test
  void handsOnWhatWentWrong() {
    try (Team team = new Team(3)) {
      assertThatThrownBy(() ->
              team.run(
                  100,
                  (index, worker) -> {
                    if (index == 57) {
                      throw new IllegalStateException("57");
                    }
                  }))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("57");
      team.run(5, (index, worker) -> {}); // and goes on
    }
  }

  @Test
  void sleepsWithoutWork() throws InterruptedException {
    try (Team team = new Team(3)) {
      team.run(100, (index, worker) -> {});
      Thread.sleep(50);
      long before = processorTime();
      Thread.sleep(300);
      assertThat(processorTime() - before).isLessThan(20_000_000);
    }
  }

  /** Of all workers of all teams, in nanoseconds. */
  private static long processorTime() {
    ThreadMXBean threads = ManagementFactory.getThreadMXBean();
    long sum = 0;
    for (long id : threads.getAllThreadIds()) {
      var info = threads.getThreadInfo(id);
      if (info != null && info.getThreadName().startsWith("phial-")) {
        sum += threads.getThreadCpuTime(id);
      }
    }
    return sum;
  }
}
