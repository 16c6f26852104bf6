package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.choose.Method;
import dev.phial.engine.advise.Advisor;
import dev.phial.engine.advise.PossibleFiles;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Plan;
import dev.phial.source.Checkpoint;
import dev.phial.targets.CalibrationText;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial plan}: what a conversion would give, before it is done. */
@Command(
    name = "plan",
    header = "Says what a conversion would give, and writes nothing.",
    description =
        "Without --to: the size of every possible output and the memory it takes at run time. With --to: what becomes of each tensor."
            + " With --device or --ram: which of them fit there, how fast they may be, and the one to make.",
    customSynopsis =
        "phial plan MODEL [--to TARGET:PRECISION]... [--device NAME | --ram SIZE] [--context N] [--json] [OPTIONS]",
    footer = {
      "",
      "Memory is the weights and a key-value cache in half precision; a runtime takes more for its work."
    },
    sortOptions = false)
final class PlanCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = "--context",
      paramLabel = "N",
      description =
          "Tokens of context to count memory for; 4096 by default, or what the model promises if less.")
  private Optional<Integer> context = Optional.empty();

  @Mixin private DeviceOptions devices = new DeviceOptions();

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Mixin private CarryOptions carry = new CarryOptions();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    TargetArguments targets = TargetArguments.of(spec.commandLine().getParseResult());
    try (Checkpoint checkpoint =
        ModelArgument.open(
            model, ModelArgument.Weights.ARRIVING, reading, Optional.empty(), carry.original())) {
      ModelDescription description = Families.describe(checkpoint);
      int tokens = PlanPrinter.context(context, description.hyperparameters());
      if (targets.isEmpty() && carry.method(Method.REFERENCE) == Method.KEEP) {
        throw new PhialException.Usage("--carry needs --to, which says where to");
      }
      if (devices.areGiven()) {
        advise(targets, checkpoint, description, tokens, stopwatch);
      } else if (targets.isEmpty()) {
        List<Choice> choices = choices(checkpoint, description, targets.bareOptions());
        if (json) {
          JsonResult.print(
              ModelArgument.withNotes(json(choices, tokens), List.of(checkpoint)), stopwatch);
        } else {
          print(choices, tokens);
        }
      } else {
        List<Plan> plans = new ArrayList<>();
        targets
            .orders(checkpoint, description, carry.method(Method.REFERENCE), CalibrationText.USUAL)
            .forEach(order -> plans.add(order.layout().plan()));
        if (json) {
          JsonResult.print(
              ModelArgument.withNotes(PlanPrinter.json(plans, tokens), List.of(checkpoint)),
              stopwatch);
        } else {
          PlanPrinter.print(plans, tokens);
        }
      }
    }
    System.err.println(stopwatch);
    return Main.DONE;
  }

  private void advise(
      TargetArguments targets,
      Checkpoint checkpoint,
      ModelDescription description,
      int tokens,
      Stopwatch stopwatch) {
    if (!targets.isEmpty()) {
      throw new PhialException.Usage(
          "--to says what to plan, --device and --ram ask for it; leave out one of them");
    }
    Advisor advisor = devices.advisor(tokens);
    AdvicePrinter printer =
        new AdvicePrinter(
            advisor, model, advisor.candidates(new PossibleFiles(checkpoint, description)));
    if (json) {
      JsonResult.print(ModelArgument.withNotes(printer.json(), List.of(checkpoint)), stopwatch);
    } else {
      printer.print();
    }
  }

  /** A possible output, or the reason why it is not possible. */
  private record Choice(
      Target target,
      String precision,
      Optional<Plan> plan,
      Optional<PhialException.Unsupported> obstacle) {
    String name() {
      return target.name() + ":" + precision;
    }

    String reason() {
      return obstacle.map(PhialException.Unsupported::reason).orElse("");
    }
  }

  private static List<Choice> choices(
      Checkpoint checkpoint, ModelDescription description, Options options) {
    List<Choice> choices = new ArrayList<>();
    for (Target target : Targets.ALL) {
      for (String precision : target.precisions()) {
        Request request = new Request(checkpoint, description, Optional.of(precision), options);
        try {
          Plan plan = target.plan(request).plan();
          choices.add(new Choice(target, precision, Optional.of(plan), Optional.empty()));
        } catch (PhialException.Unsupported e) {
          choices.add(new Choice(target, precision, Optional.empty(), Optional.of(e)));
        }
      }
    }
    return choices;
  }

  private static void print(List<Choice> choices, int tokens) {
    Table table =
        new Table("lrrrr")
            .row(
                "--to",
                "bytes",
                "size",
                "bits per weight",
                "memory at %d tokens".formatted(tokens));
    for (Target target : Targets.ALL) {
      List<Choice> own = choices.stream().filter(choice -> choice.target == target).toList();
      if (own.stream().map(Choice::reason).distinct().count() == 1
          && own.getFirst().plan.isEmpty()) {
        table.row(target.name(), own.getFirst().reason()); // once is enough
        continue;
      }
      for (Choice choice : own) {
        choice.plan.ifPresentOrElse(
            plan ->
                table.row(
                    choice.name(),
                    Sizes.exactly(plan.bytes()),
                    Sizes.of(plan.bytes()),
                    String.format(Locale.ROOT, "%.2f", plan.bitsPerWeight()),
                    Sizes.of(plan.memoryBytes(tokens))),
            () -> table.row(choice.name(), choice.reason()));
      }
    }
    table.print(System.out);
  }

  private static ObjectNode json(List<Choice> choices, int tokens) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("context", tokens);
    ArrayNode entries = result.putArray("choices");
    for (Choice choice : choices) {
      ObjectNode entry = entries.addObject();
      entry.put("target", choice.target.name()).put("precision", choice.precision);
      choice.plan.ifPresent(plan ->
          entry
              .put("bytes", plan.bytes())
              .put("bits_per_weight", plan.bitsPerWeight())
              .put("memory_bytes", plan.memoryBytes(tokens)));
      choice.obstacle.ifPresent(obstacle -> entry.put("obstacle", obstacle.getMessage()));
    }
    return result;
  }
}
