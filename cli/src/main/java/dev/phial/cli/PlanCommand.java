package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.model.ModelDescription;
import dev.phial.plan.Plan;
import dev.phial.source.Checkpoint;
import dev.phial.target.Options;
import dev.phial.target.Request;
import dev.phial.target.Target;
import dev.phial.target.Targets;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial plan}: what a conversion would give, before it is done. */
@Command(
    name = "plan",
    description =
        "Prints the size of every possible output, or with --to what becomes of each tensor.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class PlanCommand implements Callable<Integer> {
  private static final int USUAL_CONTEXT = 4096;

  @Spec private CommandSpec spec = CommandSpec.create();

  @Parameters(index = "0", paramLabel = "MODEL", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = "--context",
      paramLabel = "N",
      description =
          "Tokens of context to count memory for; 4096, or what the model promises if less.")
  private Optional<Integer> context = Optional.empty();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    TargetArguments targets = TargetArguments.of(spec.commandLine().getParseResult());
    try (Checkpoint checkpoint = ModelArgument.open(model)) {
      ModelDescription description = Families.describe(checkpoint);
      if (targets.isEmpty()) {
        printAll(checkpoint, description, targets.bareOptions());
      } else {
        targets
            .requests(checkpoint, description)
            .forEach((request, target) -> PlanPrinter.print(target.plan(request).plan(), json));
      }
    }
    System.err.println(stopwatch);
    return Main.DONE;
  }

  /** A possible output, or the reason why it is not possible. */
  private record Choice(Target target, String precision, Optional<Plan> plan, String obstacle) {}

  private void printAll(Checkpoint checkpoint, ModelDescription description, Options options) {
    int tokens = context.orElse(Math.min(USUAL_CONTEXT, description.hyperparameters().context()));
    if (tokens < 1) {
      throw new PhialException.Usage("--context: expected at least 1, found " + tokens);
    }
    List<Choice> choices = new ArrayList<>();
    for (Target target : Targets.ALL) {
      for (String precision : target.precisions()) {
        Request request = new Request(checkpoint, description, Optional.of(precision), options);
        try {
          choices.add(new Choice(target, precision, Optional.of(target.plan(request).plan()), ""));
        } catch (PhialException.Unsupported e) {
          choices.add(new Choice(target, precision, Optional.empty(), e.getMessage()));
        }
      }
    }
    if (json) {
      System.out.println(json(choices, tokens).toPrettyString());
      return;
    }
    System.out.printf(
        "%-8s %-10s %14s %12s %6s %24s%n",
        "target", "precision", "bytes", "", "bits", "memory at " + tokens);
    for (Choice choice : choices) {
      System.out.println(line(choice, tokens));
    }
  }

  private static String line(Choice choice, int tokens) {
    String head = String.format(Locale.ROOT, "%-8s %-10s ", choice.target.name(), choice.precision);
    return head
        + choice
            .plan
            .map(plan ->
                String.format(
                    Locale.ROOT,
                    "%14d %12s %6.2f %24s",
                    plan.bytes(),
                    Sizes.of(plan.bytes()),
                    plan.bitsPerWeight(),
                    Sizes.of(plan.memoryBytes(tokens))))
            .orElseGet(() -> "not possible: " + choice.obstacle);
  }

  private static ObjectNode json(List<Choice> choices, int tokens) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("context", tokens);
    ArrayNode entries = result.putArray("choices");
    for (Choice choice : choices) {
      ObjectNode entry = entries.addObject();
      entry.put("target", choice.target.name()).put("precision", choice.precision);
      choice.plan.ifPresentOrElse(
          plan ->
              entry
                  .put("bytes", plan.bytes())
                  .put("bits_per_weight", plan.bitsPerWeight())
                  .put("memory_bytes", plan.memoryBytes(tokens)),
          () -> entry.put("obstacle", choice.obstacle));
    }
    return result;
  }
}
