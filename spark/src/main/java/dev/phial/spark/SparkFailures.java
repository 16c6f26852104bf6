package dev.phial.spark;

import dev.phial.PhialException;

/** What Spark says of a job that failed, in our words. */
final class SparkFailures {
  private SparkFailures() {}

  /** Something to throw. */
  static PhialException translated(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof PhialException known) {
        return known;
      }
    }
    String all = String.valueOf(failure.getMessage());
    if (all.contains("UnsupportedClassVersionError")) {
      return new PhialException.Unsupported(
          "executors: expected Java 25 or newer, found an older one; set JAVA_HOME of the workers, or spark.executorEnv.JAVA_HOME");
    }
    return new PhialException.OutputFailed(
        "Spark gave the job up: %s".formatted(all.lines().findFirst().orElse("")), failure);
  }
}
