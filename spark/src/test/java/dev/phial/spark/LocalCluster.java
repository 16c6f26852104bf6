package dev.phial.spark;

import static org.junit.jupiter.api.Assumptions.abort;

import java.io.File;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Predicate;
import java.util.stream.Collectors;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * A master, workers and executors on this machine, each executor a JVM of its own. Where they
 * cannot start, tests are skipped.
 */
final class LocalCluster {
  /** A small model that every machine sees. */
  static final Path MODEL = Path.of("../fixtures/models/tiny-phi3").toAbsolutePath().normalize();

  private static final long LONGEST_START = TimeUnit.MINUTES.toNanos(3);
  private static final long PAUSE = 50; // milliseconds

  private static final List<String> CLASS_PATH =
      Arrays.asList(System.getProperty("java.class.path").split(File.pathSeparator));

  private LocalCluster() {}

  /** What executors hand over lies in a folder here. */
  static SparkWorkers workers(Path folder) {
    return workers(folder.toString());
  }

  /** What executors hand over lies in a folder. */
  static SparkWorkers workers(String uri) {
    return new SparkWorkers(spark(), uri, false, any -> {});
  }

  /** An application with two executors of one core each; all tests share it. */
  private static synchronized SparkContext spark() {
    try {
      layDownHome();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    SparkConf settings =
        new SparkConf()
            .setAppName("phial test")
            .setMaster("local-cluster[2,1,2048]")
            .set("spark.ui.enabled", "false")
            .set("spark.speculation", "true")
            .set("spark.executor.memory", "512m")
            .set("spark.executor.extraClassPath", classPath(LocalCluster::isOurs));
    try {
      SparkContext spark = SparkContext.getOrCreate(settings);
      waitForExecutors(spark);
      return spark;
    } catch (Exception e) { // Scala declares none
      return abort("no cluster can start here: " + e);
    }
  }

  /** Where none comes, jobs would wait for ever. */
  private static void waitForExecutors(SparkContext spark) throws InterruptedException {
    long start = System.nanoTime();
    while (spark.statusTracker().getExecutorInfos().length <= 1) { // the driver is one
      if (System.nanoTime() - start > LONGEST_START) {
        abort("no executor has started in time");
      }
      Thread.sleep(PAUSE);
    }
  }

  /** A folder with the jars of a distribution, which is where its executors look for them. */
  private static void layDownHome() throws IOException {
    Path jars = Files.createDirectories(Path.of(System.getenv("SPARK_HOME"), "jars"));
    for (String entry : CLASS_PATH) {
      Path jar = Path.of(entry).toAbsolutePath();
      Path link = jars.resolve(jar.getFileName());
      if (!isOurs(entry) && entry.endsWith(".jar") && !Files.exists(link)) {
        Files.createSymbolicLink(link, jar);
      }
    }
  }

  private static boolean isOurs(String entry) {
    return !entry.endsWith(".jar") || Path.of(entry).getFileName().toString().startsWith("phial-");
  }

  private static String classPath(Predicate<String> wanted) {
    return CLASS_PATH.stream().filter(wanted).collect(Collectors.joining(File.pathSeparator));
  }
}
