package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.Progress;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Checkpoint;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Pass;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.Sink;
import java.io.File;
import java.io.IOException;
import java.nio.file.FileStore;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial quantize}: one read of the checkpoint, any number of outputs. */
@Command(
    name = "quantize",
    header = "Quantizes a model and writes what runtimes load.",
    description =
        "The checkpoint is read once for all outputs. An output appears only when it is complete.",
    customSynopsis = "phial quantize MODEL --to TARGET:PRECISION... [-o PATH] [OPTIONS]",
    footer = {
      "",
      "Without -o, an output is called MODEL-TARGET-PRECISION and written to the current folder.",
      "An option of a target may also follow its precision: --to gguf:IQ2_S,imatrix=imatrix.gguf"
    },
    sortOptions = false)
final class QuantizeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "PATH",
      description = "The file to write, or the folder to write in; with several --to, the folder.")
  private Optional<String> output = Optional.empty();

  @Option(names = "--force", description = "Replace an output that exists.")
  private boolean force;

  @Option(
      names = "--dry-run",
      description = "Print the plan of every output, as phial plan does, and stop.")
  private boolean dryRun;

  @Option(names = "--threads", paramLabel = "N", description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  @Mixin private CarryOptions carry = new CarryOptions();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  /** An output that was asked for. */
  private record Output(
      Target target, Request request, Layout job, Path path, List<String> caveats) {
    /** The same, knowing what flows through the model. */
    Output with(ActivationRanges ranges) {
      Request known = request.with(ranges);
      return new Output(target, known, target.plan(known), path, caveats);
    }

    List<Path> files() {
      return job.files(path);
    }
  }

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    TargetArguments targets = TargetArguments.of(spec.commandLine().getParseResult());
    if (targets.isEmpty()) {
      throw new PhialException.Usage("--to says what to write, such as --to gguf:Q4_K_M");
    }
    Threads.check(threads);
    try (Checkpoint checkpoint = ModelArgument.open(model, carry.original())) {
      ModelDescription description = Families.describe(checkpoint);
      List<Output> outputs = outputs(targets.requests(checkpoint, description, carry.method()));
      if (dryRun) {
        PlanPrinter.print(
            outputs.stream().map(out -> out.job.plan()).toList(),
            PlanPrinter.usualContext(description.hyperparameters()),
            json);
        return Main.DONE;
      }
      check(checkpoint, outputs);
      List<Output> known = calibrated(outputs);
      Map<Path, PhialException> failures = write(known);
      report(known, failures, stopwatch);
      return failures.isEmpty() ? Main.DONE : Main.FAILED;
    }
  }

  private List<Output> outputs(List<TargetArguments.Asked> requests) {
    List<Output> outputs = new ArrayList<>();
    for (TargetArguments.Asked asked : requests) {
      Target target = asked.target();
      Request request = asked.request();
      String name = target.defaultName(request);
      Path path =
          output
              .map(given ->
                  requests.size() > 1 || isFolder(given) && !target.writesFolder()
                      ? Path.of(given).resolve(name)
                      : Path.of(given))
              .orElse(Path.of(name));
      Layout job = target.plan(request);
      List<String> caveats = new ArrayList<>(target.caveats(request));
      if (request.keeps()) {
        caveats.addAll(asNumbers(job.plan()));
      }
      outputs.add(new Output(target, request, job, path, List.copyOf(caveats)));
    }
    return outputs;
  }

  /** What was quantized in a way that has no codes to carry, and came along as numbers. */
  private static List<String> asNumbers(Plan plan) {
    List<Weight> weights =
        plan.tensors().stream()
            .filter(tensor -> !tensor.isCopied())
            .filter(tensor -> tensor.format().blockSize() == 1)
            .map(PlannedTensor::weight)
            .filter(weight -> weight.coding().isEmpty() && weight.encoding().blockSize() > 1)
            .toList();
    return weights.isEmpty()
        ? List.of()
        : List.of(
            "--carry kept %s as numbers, since %s has no integers to carry%s"
                .formatted(
                    weights.getFirst().ggufName(),
                    weights.getFirst().encoding().name(),
                    weights.size() > 1 ? "; and %d more".formatted(weights.size() - 1) : ""));
  }

  private static boolean isFolder(String path) {
    return path.endsWith("/") || path.endsWith(File.separator) || Files.isDirectory(Path.of(path));
  }

  /** Everything that can be known to go wrong before work is done. */
  private void check(Checkpoint checkpoint, List<Output> outputs) {
    Set<Path> seen = new LinkedHashSet<>();
    for (Output out : outputs) {
      if (ModelArgument.isSame(checkpoint.path(), out.path)
          || checkpoint
              .lender()
              .filter(lender -> ModelArgument.isSame(lender.path(), out.path))
              .isPresent()) {
        throw new PhialException.Usage(
            out.path + " is what the model is read from; pass -o for another place");
      }
      for (Path file : out.files()) {
        if (!seen.add(file.toAbsolutePath().normalize())) {
          throw new PhialException.Usage(file + " would be written twice; ask for it once");
        }
        if (checkpoint.files().stream().anyMatch(source -> ModelArgument.isSame(source, file))) {
          throw new PhialException.Usage(
              file + " is what the model is read from; pass -o for another place");
        }
        if (Files.exists(file) && !force) {
          throw new PhialException.OutputFailed(
              file + " exists already; pass --force to replace it, or -o for another place");
        }
      }
    }
    checkPlaces(outputs);
  }

  private static void checkPlaces(List<Output> outputs) {
    Map<FileStore, Long> needed = new HashMap<>();
    for (Output out : outputs) {
      Path folder = out.path.toAbsolutePath().getParent();
      while (folder != null && !Files.exists(folder)) {
        folder = folder.getParent();
      }
      if (folder == null) {
        continue;
      }
      if (!Files.isDirectory(folder)) {
        throw new PhialException.OutputFailed(
            "%s: expected a folder to write %s in, found a file; pass -o for another place"
                .formatted(folder, out.path.getFileName()));
      }
      try {
        FileStore store = Files.getFileStore(folder);
        long bytes = needed.merge(store, out.job.plan().bytes(), Long::sum);
        if (bytes > store.getUsableSpace()) {
          throw new PhialException.OutputFailed(
              "%s: expected %s of free disk, found %s; make room, or pass -o for another disk"
                  .formatted(folder, Sizes.of(bytes), Sizes.of(store.getUsableSpace())));
        }
      } catch (IOException e) {
        return; // not every file system tells; then writing will
      }
    }
  }

  /** Finds out what flows through the model where an output has to know. */
  private List<Output> calibrated(List<Output> outputs) {
    record Search(CalibrationOptions options, Set<ActivationPoint> points) {}
    Map<Search, ActivationRanges> found = new HashMap<>();
    return outputs.stream()
        .map(out -> {
          if (!out.target.needsRanges(out.request)) {
            return out;
          }
          Request request = out.request;
          return out.with(
              found.computeIfAbsent(
                  new Search(out.target.calibration(request), out.target.points(request)),
                  search ->
                      new RangeSearch(
                              request.checkpoint(), request.model(), search.options, search.points)
                          .run(threads)
                          .ranges()));
        })
        .toList();
  }

  private Map<Path, PhialException> write(List<Output> outputs) {
    Map<Sink, Output> sinks = new LinkedHashMap<>();
    try {
      for (Output out : outputs) {
        sinks.put(out.job.open(out.path, force), out);
      }
      if (outputs.stream().anyMatch(out -> out.target.writesFolder())) {
        hashEarly(outputs.getFirst().request.checkpoint());
      }
      Map<Path, PhialException> failures = new LinkedHashMap<>();
      try (Bar bar = Bar.of(Bar.Unit.BYTES)) {
        Progress progress = bar;
        Pass.run(List.copyOf(sinks.keySet()), threads, progress)
            .forEach((sink, failure) -> failures.put(outputOf(sinks, sink), failure));
      }
      return failures;
    } finally {
      sinks.keySet().forEach(Sink::close);
    }
  }

  /** Manifests want it in the end; beside the work it costs less, and files are read but once. */
  private static void hashEarly(Checkpoint checkpoint) {
    Thread.ofPlatform()
        .name("phial-hash")
        .daemon()
        .start(() -> {
          try {
            checkpoint.hashes();
          } catch (PhialException e) {
            // whoever asks for the hashes is told
          }
        });
  }

  private static Path outputOf(Map<Sink, Output> sinks, Sink sink) {
    Output out = sinks.get(sink);
    if (out == null) {
      throw new AssertionError("a sink that nobody opened");
    }
    return out.path;
  }

  private void report(
      List<Output> outputs, Map<Path, PhialException> failures, Stopwatch stopwatch) {
    failures.forEach((path, failure) -> System.err.println("phial: " + failure.getMessage()));
    if (json) {
      ObjectNode result = Json.MAPPER.createObjectNode();
      ArrayNode written = result.putArray("outputs");
      for (Output out : outputs) {
        if (!failures.containsKey(out.path)) {
          Plan plan = out.job.plan();
          ObjectNode entry = written.addObject();
          PlanPrinter.describe(plan, entry);
          ArrayNode files = entry.putArray("files");
          out.files().forEach(file -> files.add(file.toString()));
          ArrayNode caveats = entry.putArray("caveats");
          out.caveats.forEach(caveats::add);
        }
      }
      result.put("seconds", stopwatch.seconds()).put("peak_memory_bytes", stopwatch.peakBytes());
      System.out.println(result.toPrettyString());
      return;
    }
    for (Output out : outputs) {
      if (!failures.containsKey(out.path)) {
        Plan plan = out.job.plan();
        (out.target.writesFolder() ? List.of(out.path) : out.files()).forEach(System.out::println);
        System.err.println(PlanPrinter.summary(plan));
        out.caveats.forEach(caveat -> System.err.println("note: " + caveat));
      }
    }
    System.err.println(stopwatch);
  }
}
