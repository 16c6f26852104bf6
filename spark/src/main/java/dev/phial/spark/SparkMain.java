package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.cli.Main;
import java.util.List;
import java.util.Optional;
import org.apache.spark.SparkConf;
import org.apache.spark.SparkContext;

/**
 * Phial as an application of Spark: the command line is that of {@code phial}, and what falls into
 * tasks is done by the executors. {@code phial spark} submits it.
 */
public final class SparkMain {
  /** A folder that every machine can write to. */
  public static final String WORK = "spark.phial.work";

  /** Whether executors without vector instructions may work. */
  public static final String ALLOW_SCALAR = "spark.phial.allowScalar";

  private static final List<String> COMMANDS = List.of("quantize", "batch", "eval", "calibrate");

  private SparkMain() {}

  public static void main(String[] args) {
    Main.end(() -> run(args));
  }

  private static int run(String... args) {
    if (args.length == 0 || !COMMANDS.contains(args[0])) {
      return Main.refuse(
          new PhialException.Usage(
              "phial spark: expected one of %s, found %s; other commands need one machine, without spark"
                  .formatted(String.join(", ", COMMANDS), args.length == 0 ? "nothing" : args[0])));
    }
    SparkConf conf = new SparkConf().setIfMissing("spark.app.name", "phial " + args[0]);
    SparkContext spark;
    try {
      spark = SparkContext.getOrCreate(conf);
    } catch (Exception e) { // Scala declares none
      return Main.refuse(SparkFailures.translated(e));
    }
    try (SparkWorkers workers =
        new SparkWorkers(
            spark,
            conf.get(WORK, ""),
            conf.getBoolean(ALLOW_SCALAR, false),
            note -> System.err.println(note))) {
      return Main.run(Optional.of(workers), args);
    } finally {
      spark.stop();
    }
  }
}
