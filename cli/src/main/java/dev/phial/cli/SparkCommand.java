package dev.phial.cli;

import dev.phial.PhialException;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Unmatched;

/** {@code phial spark}: hands a command to a cluster, by its own {@code spark-submit}. */
@Command(
    name = "spark",
    header = "Has a Spark cluster do the work of another command.",
    description = {
      "SUBCOMMAND is quantize, batch, eval or calibrate, with its own arguments and options; what it"
          + " writes and finds is the same. All machines must see the model under the same path; or it, and outputs, are in"
          + " HDFS or S3, as URIs say. SPARK_HOME names an installation of Spark 4.2.",
    },
    footer = {
      "",
      "To try it on this machine, with two executors:",
      "  phial spark quantize demo --to gguf:Q4_K_M --master 'local-cluster[2,1,2048]'"
    },
    customSynopsis = "phial spark SUBCOMMAND... [--master URL] [--work URI] [OPTIONS]",
    sortOptions = false)
final class SparkCommand implements Callable<Integer> {
  /** What the application reads from Spark's settings, see {@code dev.phial.spark.SparkMain}. */
  private static final String WORK = "spark.phial.work";

  private static final String ALLOW_SCALAR = "spark.phial.allowScalar";

  @Option(
      names = "--master",
      paramLabel = "URL",
      description = "The cluster, as spark-submit takes it; by default what Spark's settings say.")
  private Optional<String> master = Optional.empty();

  @Option(
      names = "--work",
      paramLabel = "URI",
      description =
          "A folder that all machines can write to, for what executors hand over; by default the current one, or the home on the cluster's file system.")
  private Optional<String> work = Optional.empty();

  @Option(
      names = "--conf",
      paramLabel = "KEY=VALUE",
      description = "A setting of Spark, such as spark.executor.instances=8; may be repeated.")
  private List<String> settings = List.of();

  @Option(
      names = "--allow-scalar",
      description = "Let executors work whose Java was started without the Vector API, slowly.")
  private boolean allowScalar;

  @Unmatched private List<String> words = new ArrayList<>();

  @Override
  public Integer call() throws IOException, InterruptedException {
    if (words.isEmpty()) {
      throw new PhialException.Usage("SUBCOMMAND is missing, such as quantize");
    }
    ProcessBuilder submit = new ProcessBuilder(command()).inheritIO();
    Process process = submit.start();
    Runtime.getRuntime().addShutdownHook(new Thread(process::destroy));
    return process.waitFor();
  }

  private List<String> command() {
    List<Path> jars = jars();
    List<String> command =
        new ArrayList<>(List.of(submit().toString(), "--class", "dev.phial.spark.SparkMain"));
    master.ifPresent(url -> command.addAll(List.of("--master", url)));
    set("spark.log.level=WARN", command);
    work.ifPresent(folder -> set(WORK + "=" + folder, command));
    if (allowScalar) {
      set(ALLOW_SCALAR + "=true", command);
    }
    settings.forEach(setting -> set(setting, command));
    command.add("--jars");
    command.add(jars.stream().map(Path::toString).collect(Collectors.joining(",")));
    command.add(application(jars).toString());
    command.addAll(words);
    return command;
  }

  private static void set(String setting, List<String> command) {
    command.addAll(List.of("--conf", setting));
  }

  private static Path submit() {
    String home = System.getenv("SPARK_HOME");
    if (home == null || home.isBlank()) {
      throw new PhialException.Usage(
          "SPARK_HOME: expected the folder of an installation of Spark 4.2, found nothing; see https://spark.apache.org/downloads.html");
    }
    boolean isWindows = File.separatorChar == '\\';
    Path submit = Path.of(home, "bin", isWindows ? "spark-submit.cmd" : "spark-submit");
    if (!Files.isExecutable(submit)) {
      throw new PhialException.Usage(
          "SPARK_HOME: expected the folder of an installation of Spark 4.2, found no %s"
              .formatted(submit));
    }
    return submit;
  }

  /** Phial and its libraries. */
  private static List<Path> jars() {
    return Arrays.stream(System.getProperty("java.class.path").split(File.pathSeparator))
        .map(Path::of)
        .toList();
  }

  /** The jar of the application, in a folder beside that of the libraries. */
  private static Path application(List<Path> jars) {
    Path libraries = Objects.requireNonNullElse(jars.getFirst().getParent(), Path.of(""));
    Path jar = libraries.resolve("../spark/phial-spark.jar").normalize();
    if (!Files.exists(jar)) {
      throw new PhialException.Usage(
          "%s: expected the part of Phial for Spark, found nothing; in a checkout, bin/build-spark makes it"
              .formatted(jar));
    }
    return jar;
  }
}
