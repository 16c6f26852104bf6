package dev.phial.spark;

import dev.phial.engine.work.Job;
import dev.phial.engine.work.Place;
import dev.phial.engine.work.Workers;
import java.io.DataOutputStream;
import java.io.IOException;
import java.io.Serializable;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.spark.TaskContext;

/** Executors of which one is killed and one fails once. */
record Sabotaged(Workers workers, Path folder) implements ForwardingWorkers {
  /** Tasks during which that happens when they are tried first. */
  static final int FAILS = 3;

  static final int IS_KILLED = 5;

  /** Until it is killed. */
  private static final int LONG = 600_000; // milliseconds

  @Override
  public <T extends Serializable> void run(Job<T> job, List<T> tasks, Results results) {
    workers.run(new Sabotage<>(job, folder.toString()), tasks, results);
  }

  /** Where a task leaves that it was begun, and the process that it was in. */
  static Path trace(Path folder, int task, int attempt) {
    return folder.resolve("%d-%d.pid".formatted(task, attempt));
  }

  private record Sabotage<T extends Serializable>(Job<T> job, String folder) implements Job<T> {
    @Override
    public String title() {
      return job.title();
    }

    @Override
    public long amount(T task) {
      return job.amount(task);
    }

    @Override
    public String unit() {
      return job.unit();
    }

    @Override
    public void run(T task, Place place, DataOutputStream out) throws IOException {
      int number = TaskContext.getPartitionId();
      int attempt = TaskContext.get().attemptNumber();
      if (number == FAILS || number == IS_KILLED) {
        Path trace = trace(Path.of(folder), number, attempt);
        Path begun = Path.of(trace + ".begun");
        Files.writeString(begun, Long.toString(ProcessHandle.current().pid()));
        Files.move(begun, trace);
        if (attempt == 0) {
          out.writeInt(number); // what is half written must not matter
          if (number != FAILS) {
            sleep();
          }
          throw new IOException("it fails once");
        }
      }
      job.run(task, place, out);
    }

    private static void sleep() throws IOException {
      try {
        Thread.sleep(LONG);
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }
}
