package dev.phial.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;

/**
 * Runs commands one after the other. Times are the best of the repetitions, process start included;
 * memory is the largest amount of private memory seen (heap and native, mapped files aside), from
 * {@code /proc}, of the process and those it started.
 */
final class Timings {
  private final Path scratch;
  private final Map<String, Run> runs = new HashMap<>();

  /** One timed command. */
  record Run(double seconds, long bytes) {
    private Run better(Run other) {
      return new Run(Math.min(seconds, other.seconds), Math.max(bytes, other.bytes));
    }

    long megabytes() {
      return bytes / 1_000_000;
    }
  }

  /**
   * @param scratch the working directory of the commands; it is created
   */
  Timings(Path scratch) throws IOException {
    this.scratch = Files.createDirectories(scratch);
  }

  /**
   * @throws IOException if the command fails; the message has what it printed
   */
  void time(String name, List<String> command) throws IOException, InterruptedException {
    ProcessBuilder builder =
        new ProcessBuilder(command)
            .directory(scratch.toFile())
            .redirectErrorStream(true)
            .redirectOutput(scratch.resolve("log").toFile());
    builder.environment().put("HF_HUB_OFFLINE", "1");
    long start = System.nanoTime();
    Process process = builder.start();
    long most = 0;
    while (!process.waitFor(10, TimeUnit.MILLISECONDS)) {
      long now =
          Stream.concat(Stream.of(process.toHandle()), process.descendants())
              .mapToLong(handle -> privateBytes(handle.pid()))
              .sum();
      most = Math.max(most, now);
    }
    double seconds = (System.nanoTime() - start) / 1e9;
    if (process.exitValue() != 0) {
      throw new IOException(
          "%s failed:%n%s"
              .formatted(String.join(" ", command), Files.readString(scratch.resolve("log"))));
    }
    Run run = new Run(seconds, most);
    System.err.printf(Locale.ROOT, "%-24s %7.2f s %6d MB%n", name, seconds, run.megabytes());
    runs.merge(name, run, Run::better);
  }

  private static long privateBytes(long pid) {
    try {
      for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/status"))) {
        if (line.startsWith("RssAnon:")) {
          return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
        }
      }
    } catch (IOException e) {
      // it has just ended
    }
    return 0;
  }

  Run run(String name) {
    Run run = runs.get(name);
    if (run == null) {
      throw new IllegalStateException(name + " was not timed");
    }
    return run;
  }
}
