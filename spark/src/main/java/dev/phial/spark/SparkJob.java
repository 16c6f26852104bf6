package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.work.Job;
import dev.phial.engine.work.Workers;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.zip.CRC32C;
import java.util.zip.CheckedInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.api.java.JavaRDD;
import org.apache.spark.api.java.JavaSparkContext;
import org.apache.spark.util.LongAccumulator;
import org.apache.spark.util.SerializableConfiguration;
import org.jspecify.annotations.Nullable;
import scala.Function1;
import scala.Function2;
import scala.collection.Iterator;
import scala.reflect.ClassTag$;
import scala.runtime.BoxedUnit;

/** One job of Spark: its tasks run there while what they wrote is taken here, in their order. */
final class SparkJob<T extends Serializable> {
  private final SparkContext spark;
  private final Job<T> job;
  private final List<T> tasks;
  private final Path folder;
  private final boolean allowScalar;
  private final Throughput throughput;
  private final String group;
  private final LinkedBlockingQueue<Event> events = new LinkedBlockingQueue<>();

  /** What Spark's threads tell the one that takes results. */
  private sealed interface Event {
    /** A task is done. */
    record Done(int task, Written written) implements Event {}

    /** All are done, or one could not be. */
    record Ended(@Nullable Throwable failure) implements Event {}
  }

  SparkJob(
      SparkContext spark,
      Job<T> job,
      List<T> tasks,
      Path folder,
      String group,
      boolean allowScalar,
      Throughput throughput) {
    this.spark = spark;
    this.group = group;
    this.job = job;
    this.tasks = tasks;
    this.folder = folder;
    this.allowScalar = allowScalar;
    this.throughput = throughput;
  }

  /** Runs it; whatever ends it early, nothing of it goes on. */
  void run(Workers.Results results) {
    Thread submitting = Thread.ofPlatform().name("phial-spark").daemon().start(this::submit);
    boolean isDone = false;
    try {
      take(results);
      isDone = true;
    } finally {
      if (!isDone) {
        spark.cancelJobGroup(group);
      }
      join(submitting);
    }
  }

  private static void join(Thread thread) {
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void submit() {
    try {
      spark.setJobGroup(group, job.title(), true);
      LongAccumulator amount = spark.longAccumulator(job.unit());
      JavaRDD<T> all = new JavaSparkContext(spark).parallelize(tasks, tasks.size());
      JavaRDD<Written> written =
          all.map(
                  new SparkTask<>(
                      job,
                      folder.toString(),
                      allowScalar,
                      new SerializableConfiguration(spark.hadoopConfiguration()),
                      amount))
              .setName(job.title());
      spark.runJob(
          written.rdd(),
          (Function1<Iterator<Written>, Written> & Serializable) Iterator::next,
          (Function2<Object, Written, BoxedUnit>)
              (task, one) -> {
                events.add(new Event.Done((Integer) task, one));
                return BoxedUnit.UNIT;
              },
          ClassTag$.MODULE$.apply(Written.class));
      events.add(new Event.Ended(null));
    } catch (Throwable e) {
      events.add(new Event.Ended(e));
    }
  }

  private void take(Workers.Results results) {
    Map<Integer, Written> waiting = new TreeMap<>();
    int next = 0;
    try {
      while (next < tasks.size()) {
        switch (events.take()) {
          case Event.Done done -> {
            if (done.written.failure() != null) {
              throw done.written.failure();
            }
            waiting.put(done.task, done.written);
            throughput.add(done.written, job.amount(tasks.get(done.task)));
          }
          case Event.Ended ended -> {
            if (ended.failure != null) {
              throw SparkFailures.translated(ended.failure);
            }
          }
        }
        while (waiting.containsKey(next)) {
          long start = System.nanoTime();
          take(next, Objects.requireNonNull(waiting.remove(next)), results);
          throughput.addDriver(System.nanoTime() - start);
          next++;
        }
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; nothing was written");
    }
  }

  private void take(int task, Written written, Workers.Results results) {
    Path file = new Path(written.file());
    CRC32C checksum = new CRC32C();
    try {
      FileSystem files = file.getFileSystem(spark.hadoopConfiguration());
      try (InputStream in = new CheckedInputStream(files.open(file), checksum)) {
        results.take(task, in);
        in.transferTo(OutputStream.nullOutputStream());
      }
      files.delete(file, false);
    } catch (IOException e) {
      throw new PhialException.BadInput(
          "%s: what executor %s wrote cannot be read here: %s; --work must name a folder that all machines see"
              .formatted(file, written.executor(), e.getMessage()),
          e);
    }
    if (checksum.getValue() != written.checksum()) {
      throw new PhialException.BadInput(
          "%s: expected the bytes that executor %s wrote, found others; --work must name a folder that nobody changes"
              .formatted(file, written.executor()));
    }
  }
}
