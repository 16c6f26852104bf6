package dev.phial.cli;

import dev.phial.engine.doctor.Doctor;
import dev.phial.engine.doctor.Finding;
import dev.phial.engine.doctor.Finding.Severity;
import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial doctor}: what is wrong with an exported model, and what comes of it. */
@Command(
    name = "doctor",
    header = "Looks for what goes wrong with exported models, and says what comes of it.",
    description = {
      "Checks EOS ids, the chat template, tied embeddings, rotary embedding, where the format's runtime departs from"
          + " the reference, and every number of every tensor; with --against, also that hyperparameters, tokens and"
          + " conversations are the original's.",
      "",
      "The exit status is 1 if there is an error."
    },
    footer = "",
    customSynopsis = "phial doctor PATH [--against MODEL] [--json]",
    sortOptions = false)
final class DoctorCommand implements Callable<Integer> {
  @Parameters(index = "0", paramLabel = "PATH", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(
      names = "--against",
      paramLabel = "MODEL",
      description = "The checkpoint that PATH was made from.")
  private Optional<String> original = Optional.empty();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    List<Finding> findings;
    try (Checkpoint checkpoint = ModelArgument.open(model)) {
      findings = examine(checkpoint);
    }
    if (json) {
      JsonResult.print(json(findings), stopwatch);
    } else {
      print(findings);
    }
    System.err.println(stopwatch);
    return count(findings, Severity.ERROR) > 0 ? Main.FAILED : Main.DONE;
  }

  private List<Finding> examine(Checkpoint checkpoint) {
    if (original.isEmpty()) {
      return Doctor.examine(checkpoint, Optional.empty());
    }
    try (Checkpoint against = ModelArgument.open(original.get())) {
      return Doctor.examine(checkpoint, Optional.of(against));
    }
  }

  private static void print(List<Finding> findings) {
    Table table = new Table("lll");
    for (Finding finding : findings) {
      table.row(severity(finding), finding.check(), finding.found());
      table.row("", "", finding.consequence());
    }
    table.print(System.out);
    System.out.printf(
        "%d errors, %d warnings, %d notes%n",
        count(findings, Severity.ERROR),
        count(findings, Severity.WARNING),
        count(findings, Severity.NOTE));
  }

  private static ObjectNode json(List<Finding> findings) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    ArrayNode array = result.putArray("findings");
    for (Finding finding : findings) {
      array
          .addObject()
          .put("severity", severity(finding))
          .put("check", finding.check())
          .put("found", finding.found())
          .put("consequence", finding.consequence());
    }
    return result
        .put("errors", count(findings, Severity.ERROR))
        .put("warnings", count(findings, Severity.WARNING))
        .put("notes", count(findings, Severity.NOTE));
  }

  private static String severity(Finding finding) {
    return finding.severity().name().toLowerCase(Locale.ROOT);
  }

  private static long count(List<Finding> findings, Severity severity) {
    return findings.stream().filter(finding -> finding.severity() == severity).count();
  }
}
