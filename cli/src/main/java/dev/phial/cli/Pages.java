package dev.phial.cli;

import dev.phial.Version;
import dev.phial.engine.report.Circumstances;
import dev.phial.kernel.Kernels;
import java.time.LocalDate;
import java.time.ZoneId;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import picocli.CommandLine.Model.CommandSpec;

/** What pages that commands write say of themselves. */
final class Pages {
  private Pages() {}

  /** What a reader of the page will want to know in a year. */
  static Circumstances circumstances(CommandSpec command) {
    List<String> words = new ArrayList<>(List.of("phial", command.name()));
    words.addAll(command.commandLine().getParseResult().originalArgs());
    return new Circumstances(
        LocalDate.now(ZoneId.systemDefault()).toString(),
        words.stream().map(Shell::quoted).collect(Collectors.joining(" ")),
        "phial " + Version.current(),
        "%s, %s kernels".formatted(Stopwatch.processor(), Kernels.best().describe()));
  }
}
