package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.convert.Conversion;
import dev.phial.engine.convert.Order;
import dev.phial.engine.work.Workers;
import dev.phial.io.AtomicFile;
import dev.phial.io.Inputs;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import dev.phial.targets.CalibrationText;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial batch}: many conversions, one after the other. */
@Command(
    name = "batch",
    header = "Converts many models, and goes on where it was interrupted.",
    description =
        "FILE has a job in each line, a JSON object with a model, what to write (to) and the folder to write it in"
            + " (output); it may have a method, and options of the targets by their names. What became of each job is a"
            + " line of RESULTS. The same command does again what failed and what is missing there, and nothing else.",
    footer = {
      "",
      "A job: {\"model\": \"demo\", \"to\": [\"gguf:Q4_K_M\", \"mlx:4\"], \"output\": \"out/demo\"}"
    },
    customSynopsis = "phial batch FILE -o RESULTS [OPTIONS]",
    sortOptions = false)
final class BatchCommand implements Callable<Integer> {
  /** How often a job is tried that fails. */
  private static final int TRIES = 2;

  private final Optional<Workers> workers;

  @Parameters(index = "0", paramLabel = "FILE", description = "The jobs, a line each.")
  private Path file = Path.of("");

  @Option(
      names = {"-o", "--output"},
      paramLabel = "RESULTS",
      required = true,
      description = "What became of the jobs, a line of JSON each; rewritten after every job.")
  private Path output = Path.of("");

  @Option(names = "--force", description = "Replace outputs of jobs that exist.")
  private boolean force;

  @Option(names = "--threads", paramLabel = "N", description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  private final Map<BatchJob, ObjectNode> results = new LinkedHashMap<>();

  BatchCommand(Optional<Workers> workers) {
    this.workers = workers;
  }

  @Override
  public Integer call() {
    Threads.check(threads);
    List<BatchJob> jobs = BatchJob.read(file);
    new Inputs().add(file).refuse(output, "-o");
    AtomicFile.check(output, true);
    Map<ObjectNode, ObjectNode> known = known();
    jobs.forEach(
        job -> Optional.ofNullable(known.get(job.json())).ifPresent(r -> results.put(job, r)));
    List<BatchJob> left = jobs.stream().filter(job -> !results.containsKey(job)).toList();
    for (int attempt = 1; attempt <= TRIES && !left.isEmpty(); attempt++) {
      List<BatchJob> failed = new ArrayList<>();
      for (BatchJob job : left) {
        ObjectNode result = result(job).put("tries", attempt);
        results.put(job, result);
        write(jobs);
        if (result.has("error")) {
          failed.add(job);
        }
      }
      left = failed;
    }
    write(jobs);
    System.out.println(output);
    System.err.printf("%d of %d jobs are done%n", jobs.size() - left.size(), jobs.size());
    return left.isEmpty() ? Main.DONE : Main.FAILED;
  }

  /** What jobs that were done before left. */
  private Map<ObjectNode, ObjectNode> known() {
    Map<ObjectNode, ObjectNode> known = new LinkedHashMap<>();
    if (!Files.exists(output)) {
      return known;
    }
    for (String line : TextFile.readLikePython(output).split("\n", -1)) {
      try {
        if (!line.isBlank()) {
          ObjectNode result = result(Json.MAPPER.readTree(line));
          if (!result.has("error")) {
            known.put((ObjectNode) result.get("job"), result);
          }
        }
      } catch (JacksonException e) {
        throw noResults();
      }
    }
    return known;
  }

  /** What is something else must not be replaced. */
  private ObjectNode result(JsonNode line) {
    if (line instanceof ObjectNode result && result.path("job") instanceof ObjectNode) {
      return result;
    }
    throw noResults();
  }

  private PhialException noResults() {
    return new PhialException.OutputFailed(
        "%s: expected results of an earlier batch, found something else; name another file"
            .formatted(output));
  }

  private ObjectNode result(BatchJob job) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.set("job", job.json());
    Stopwatch stopwatch = Stopwatch.start();
    try {
      ArrayNode files = result.putArray("files");
      convert(job).forEach(files::add);
    } catch (PhialException e) {
      result.remove("files");
      result.put("error", Objects.requireNonNull(e.getMessage()));
      System.err.printf("phial: %s, line %d: %s%n", file, job.line(), e.getMessage());
    }
    return result.put("seconds", stopwatch.seconds());
  }

  private List<String> convert(BatchJob job) {
    try (Checkpoint checkpoint = ModelArgument.open(job.model(), workers);
        Outbox outbox = Outbox.at(job.output(), workers, false)) {
      List<Conversion.Output> outputs = new ArrayList<>();
      for (Order order :
          new TargetArguments(job.to(), job.options())
              .orders(
                  checkpoint, Families.describe(checkpoint), job.method(), CalibrationText.USUAL)) {
        String name = order.target().defaultName(order.request());
        outputs.add(new Conversion.Output(order, outbox.place().resolve(name)));
      }
      Conversion conversion = new Conversion(outputs, force, threads, Optional.empty(), workers);
      Inputs inputs = new Inputs().addAll(ModelArgument.inputs(job.model(), checkpoint));
      Conversion.Result result = outbox.run(conversion, inputs.add(file).add(output));
      result
          .failures()
          .values()
          .forEach(failure -> {
            throw failure;
          });
      return outputs.stream().flatMap(out -> out.files().stream()).map(outbox::shown).toList();
    }
  }

  /** In the order of the jobs, those that have been tried. */
  private void write(List<BatchJob> jobs) {
    StringBuilder lines = new StringBuilder();
    jobs.stream()
        .map(results::get)
        .filter(Objects::nonNull)
        .forEach(result -> lines.append(result).append('\n'));
    AtomicFile.put(output, lines.toString().getBytes(StandardCharsets.UTF_8), true);
  }
}
