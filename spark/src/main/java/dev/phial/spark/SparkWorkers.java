package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.work.Delivery;
import dev.phial.engine.work.Job;
import dev.phial.engine.work.Workers;
import dev.phial.source.Checkpoint;
import java.io.IOException;
import java.io.Serializable;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.TimeUnit;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;
import org.apache.spark.SparkContext;
import org.apache.spark.SparkStatusTracker;
import scala.Option;

/**
 * The executors of a Spark application. Each task is a task of Spark, which decides where it runs,
 * runs it again if it failed, and a second time elsewhere if it is slow. What tasks write lies in
 * files of a folder that driver and executors see, until the driver has read it.
 */
public final class SparkWorkers implements Workers, AutoCloseable {
  /**
   * How long tasks that are not wanted any more are waited for, and how often they are looked at.
   */
  private static final long LONGEST_END = TimeUnit.SECONDS.toNanos(10);

  private static final long PAUSE = 10; // milliseconds

  private final SparkContext spark;
  private final Path folder;
  private final String group; // of Spark's jobs
  private final boolean allowScalar;
  private final Consumer<String> notes;

  /** URIs of models in file systems of the cluster, by where they are here. */
  private final Map<java.nio.file.Path, String> opened = new ConcurrentHashMap<>();

  /**
   * @param work a folder that every machine can write to; the user's on the cluster's own file
   *     system if it is empty
   * @param allowScalar whether executors without vector instructions may work
   * @param notes told what each executor did
   * @throws PhialException.OutputFailed if the folder cannot be made
   */
  public SparkWorkers(
      SparkContext spark, String work, boolean allowScalar, Consumer<String> notes) {
    this.spark = spark;
    this.allowScalar = allowScalar;
    this.notes = notes;
    this.group = "phial-" + UUID.randomUUID();
    Path own = new Path(work.isEmpty() ? "." : work, "." + group);
    try {
      FileSystem files = own.getFileSystem(spark.hadoopConfiguration());
      this.folder = files.makeQualified(own);
      files.mkdirs(folder);
      files.deleteOnExit(folder); // if the process is asked to end
    } catch (IOException | IllegalArgumentException e) {
      throw new PhialException.OutputFailed(
          "--work %s: expected a folder that every machine can write to, found that it cannot be made: %s"
              .formatted(work, e.getMessage()),
          e);
    }
  }

  @Override
  public <T extends Serializable> void run(Job<T> job, List<T> tasks, Results results) {
    if (!tasks.isEmpty()) {
      Throughput throughput = new Throughput();
      new SparkJob<>(spark, job, tasks, folder, group, allowScalar, throughput).run(results);
      throughput.lines(job.unit()).forEach(notes);
    }
  }

  @Override
  public Checkpoint open(String where) {
    String uri = Workers.plain(where);
    Checkpoint checkpoint = new SparkPlace(spark.hadoopConfiguration()).open(uri);
    opened.put(checkpoint.path(), uri);
    return checkpoint;
  }

  @Override
  public String whereIs(Checkpoint checkpoint) {
    return opened.getOrDefault(checkpoint.path(), checkpoint.path().toAbsolutePath().toString());
  }

  @Override
  public void check(Delivery delivery, long bytes) {
    HadoopOutput output = HadoopOutput.of(delivery, spark.hadoopConfiguration());
    opened.values().forEach(output::checkApart);
    output.check(bytes);
  }

  @Override
  public void deliver(Delivery delivery, LongConsumer copied) {
    HadoopOutput.of(delivery, spark.hadoopConfiguration()).deliver(copied);
  }

  /**
   * Removes what tasks wrote and nobody read. A task that was told to end may still be about to
   * write, and some file systems make the folder for it once more.
   */
  @Override
  public void close() {
    try {
      long start = System.nanoTime();
      while (isAtWork() && System.nanoTime() - start < LONGEST_END) {
        Thread.sleep(PAUSE);
      }
      folder.getFileSystem(spark.hadoopConfiguration()).delete(folder, true);
    } catch (IOException e) {
      notes.accept("note: %s could not be removed: %s".formatted(folder, e.getMessage()));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private boolean isAtWork() {
    SparkStatusTracker tracker = spark.statusTracker();
    return Arrays.stream(tracker.getJobIdsForGroup(group))
        .mapToObj(tracker::getJobInfo)
        .filter(Option::isDefined)
        .flatMapToInt(found -> Arrays.stream(found.get().stageIds()))
        .mapToObj(tracker::getStageInfo)
        .anyMatch(found -> found.isDefined() && found.get().numActiveTasks() > 0);
  }
}
