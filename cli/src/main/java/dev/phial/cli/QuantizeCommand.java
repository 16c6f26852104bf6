package dev.phial.cli;

import static java.util.stream.Collectors.toSet;

import dev.phial.PhialException;
import dev.phial.engine.advise.Advisor;
import dev.phial.engine.advise.Candidate;
import dev.phial.engine.advise.PossibleFiles;
import dev.phial.engine.advise.Recommendation;
import dev.phial.engine.convert.Conversion;
import dev.phial.engine.convert.Order;
import dev.phial.engine.tune.TypePlan;
import dev.phial.engine.work.Workers;
import dev.phial.io.Inputs;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.source.Checkpoint;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    customSynopsis =
        "phial quantize MODEL (--to TARGET:PRECISION... | --device NAME) [-o PATH] [OPTIONS]",
    footer = {
      "",
      "Without -o, an output is called MODEL-TARGET-PRECISION and written to the current folder.",
      "An option of a target may also follow its precision: --to gguf:IQ2_S,imatrix=imatrix.gguf",
      "",
      "To try it:",
      "  phial quantize demo --to gguf:Q4_K_M",
      "  phial quantize demo --to gguf:Q8_0 --to onnx:int4 --to mlx:4 -o out",
      "  phial quantize demo --device pi5-8gb"
    },
    sortOptions = false)
final class QuantizeCommand implements Callable<Integer> {
  private final Optional<Workers> workers;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = {"-o", "--output"},
      paramLabel = "PATH",
      description =
          "The file to write, or the folder to write in; with several --to, the folder. With phial spark it may be a URI.")
  private Optional<String> output = Optional.empty();

  @Option(names = "--force", description = "Replace an output that exists.")
  private boolean force;

  @Option(
      names = "--dry-run",
      description = "Print the plan of every output, as phial plan does, and stop.")
  private boolean dryRun;

  @Option(
      names = "--stream",
      description =
          "Convert a model of the hub while it arrives, and keep no more than one of its files at a time.")
  private boolean stream;

  @Option(names = "--threads", paramLabel = "N", description = Threads.DESCRIPTION)
  private int threads = Threads.usual();

  @Option(
      names = "--plan",
      paramLabel = "FILE",
      description = "Types of matrices that phial tune found, as one more --to.")
  private Optional<Path> plan = Optional.empty();

  @Mixin private DeviceOptions devices = new DeviceOptions();

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Mixin private MethodOptions method = new MethodOptions();

  @Option(
      names = "--resume",
      paramLabel = "FOLDER",
      description =
          "With --method gptq or best: keep what has been chosen in FOLDER until the output is written, so that the same command goes on there after an interruption.")
  private Optional<Path> resume = Optional.empty();

  @Mixin private CarryOptions carry = new CarryOptions();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  QuantizeCommand(Optional<Workers> workers) {
    this.workers = workers;
  }

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    TargetArguments targets = TargetArguments.of(spec.commandLine().getParseResult());
    Optional<TypePlan> types = plan.map(TypePlan::read);
    targets = types.map(TypePlan::order).map(targets::plus).orElse(targets);
    if (devices.areGiven() && !targets.isEmpty()) {
      throw new PhialException.Usage(
          "--to says what to write, --device and --ram choose it; leave out one of them");
    }
    if (!devices.areGiven() && targets.isEmpty()) {
      throw new PhialException.Usage(
          "--to says what to write, such as --to gguf:Q4_K_M; --device NAME and --ram SIZE choose it");
    }
    if (resume.isPresent() && !method.method().readsText()) {
      throw new PhialException.Usage(
          "--resume: expected --method gptq or best, which take long, found %s; omit it"
              .formatted(method.method().label()));
    }
    Threads.check(threads);
    try (Checkpoint checkpoint =
        ModelArgument.open(model, weights(), reading, workers, carry.original())) {
      ModelDescription description = Families.describe(checkpoint);
      if (devices.areGiven()) {
        targets = targets.plus(recommended(checkpoint, description).order());
      }
      List<Order> orders =
          targets.orders(checkpoint, description, carry.method(method.method()), method.text());
      types.ifPresent(found -> checkPlan(found, orders.getLast()));
      if (dryRun) {
        List<Plan> plans = orders.stream().map(order -> order.layout().plan()).toList();
        int tokens = PlanPrinter.usualContext(description.hyperparameters());
        if (json) {
          JsonResult.print(
              ModelArgument.withNotes(PlanPrinter.json(plans, tokens), List.of(checkpoint)),
              stopwatch);
        } else {
          PlanPrinter.print(plans, tokens);
        }
        return Main.DONE;
      }
      Inputs inputs = new Inputs().addAll(ModelArgument.inputs(model, checkpoint));
      carry.original().map(ModelArgument::original).ifPresent(inputs::add);
      plan.ifPresent(inputs::add);
      inputs.addAll(devices.files());
      try (Outbox outbox = Outbox.at(output.orElse(""), workers, true)) {
        Conversion.Result result =
            outbox.run(
                new Conversion(outputs(orders, outbox.place()), force, threads, resume, workers),
                inputs);
        report(checkpoint, result, outbox, stopwatch);
        return result.failures().isEmpty() ? Main.DONE : Main.FAILED;
      }
    }
  }

  /** What suits the device best, as {@code phial plan --device} says. */
  private Candidate recommended(Checkpoint checkpoint, ModelDescription description) {
    Advisor advisor = devices.advisor(PlanPrinter.usualContext(description.hyperparameters()));
    Recommendation found =
        advisor
            .recommend(advisor.candidates(new PossibleFiles(checkpoint, description)))
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s: expected to need at most %s of memory, found that nothing fits; phial plan says what each file needs"
                        .formatted(advisor.device().title(), Sizes.of(advisor.device().room()))));
    System.err.printf(
        "%s: %s for %s; %s%n",
        advisor.device().title(),
        found.candidate().order(),
        found.candidate().runtime(),
        found.reason());
    return found.candidate();
  }

  private ModelArgument.Weights weights() {
    return stream || dryRun ? ModelArgument.Weights.ARRIVING : ModelArgument.Weights.ALL;
  }

  /** A plan of another model would be taken in part, and nobody would notice. */
  private void checkPlan(TypePlan found, Order order) {
    Set<String> names =
        order.layout().plan().tensors().stream().map(PlannedTensor::name).collect(toSet());
    found.types().keySet().stream()
        .filter(name -> !names.contains(name))
        .findFirst()
        .ifPresent(name -> {
          throw new PhialException.BadInput(
              "%s: expected tensors of %s, found %s, which it has not; tune this very model"
                  .formatted(plan.orElseThrow(), model, name));
        });
  }

  private List<Conversion.Output> outputs(List<Order> orders, Path place) {
    return orders.stream()
        .map(order -> {
          boolean isInFolder =
              output.isEmpty()
                  || orders.size() > 1
                  || isFolder(place) && !order.target().writesFolder();
          String name = order.target().defaultName(order.request());
          return new Conversion.Output(order, isInFolder ? place.resolve(name) : place);
        })
        .toList();
  }

  private boolean isFolder(Path place) {
    String given = output.orElse("");
    return given.endsWith("/") || given.endsWith(File.separator) || Files.isDirectory(place);
  }

  private void report(
      Checkpoint checkpoint, Conversion.Result result, Outbox outbox, Stopwatch stopwatch) {
    result.failures().values().forEach(e -> System.err.println("phial: " + e.getMessage()));
    if (json) {
      JsonResult.print(
          ModelArgument.withNotes(json(result, outbox), List.of(checkpoint)), stopwatch);
      return;
    }
    for (Conversion.Output out : result.written()) {
      Order order = out.order();
      out.entries().forEach(entry -> System.out.println(outbox.shown(entry)));
      System.err.println(PlanPrinter.summary(order.layout().plan()));
      order.caveats().forEach(caveat -> System.err.println("note: " + caveat));
      System.err.println("to run it: " + command(out, outbox));
    }
    System.err.println(stopwatch);
  }

  private static String command(Conversion.Output out, Outbox outbox) {
    return outbox.command(
        out.entries(), place -> out.order().target().command(place, out.order().request()));
  }

  private static ObjectNode json(Conversion.Result result, Outbox outbox) {
    ObjectNode json = Json.MAPPER.createObjectNode();
    ArrayNode written = json.putArray("outputs");
    for (Conversion.Output out : result.written()) {
      ObjectNode entry = written.addObject();
      PlanPrinter.describe(out.order().layout().plan(), entry);
      ArrayNode files = entry.putArray("files");
      out.files().forEach(file -> files.add(outbox.shown(file)));
      ArrayNode caveats = entry.putArray("caveats");
      out.order().caveats().forEach(caveats::add);
      entry.put("command", command(out, outbox));
    }
    ArrayNode failures = json.putArray("failures");
    result.failures().values().forEach(e -> failures.add(e.getMessage()));
    return json;
  }
}
