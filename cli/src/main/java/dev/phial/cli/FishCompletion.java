package dev.phial.cli;

import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.StreamSupport;
import picocli.CommandLine;
import picocli.CommandLine.Model.OptionSpec;

/** Completions for fish, made from what the help knows. */
final class FishCompletion {
  private static final int LONGEST = 80;

  private FishCompletion() {}

  static String of(CommandLine root) {
    StringBuilder script = new StringBuilder("# phial's completions for fish\n");
    root.getSubcommands()
        .forEach((name, command) -> {
          script.append(
              "complete -c phial -f -n __fish_use_subcommand -a %s -d %s%n"
                  .formatted(name, quoted(text(command.getCommandSpec().usageMessage().header()))));
        });
    root.getSubcommands()
        .forEach((name, command) ->
            command.getCommandSpec().options().stream()
                .filter(option -> !option.hidden())
                .forEach(option -> script.append(line(name, option))));
    return script.toString();
  }

  private static String line(String command, OptionSpec option) {
    StringBuilder line =
        new StringBuilder(
            "complete -c phial -n '__fish_seen_subcommand_from %s'".formatted(command));
    for (String name : option.names()) {
      line.append(name.startsWith("--") ? " -l " + name.substring(2) : " -s " + name.substring(1));
    }
    if (option.arity().max() > 0) {
      line.append(" -r");
      candidates(option).ifPresent(words -> line.append(" -f -a ").append(quoted(words)));
    }
    return line.append(" -d ").append(quoted(text(option.description()))).append('\n').toString();
  }

  private static Optional<String> candidates(OptionSpec option) {
    return Optional.ofNullable(option.completionCandidates())
        .map(words ->
            StreamSupport.stream(words.spliterator(), false).collect(Collectors.joining(" ")));
  }

  private static String text(String[] lines) {
    String text = String.join(" ", lines).replace("%n", " ").replace("%%", "%");
    return text.length() <= LONGEST ? text : text.substring(0, LONGEST) + "…";
  }

  private static String quoted(String text) {
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'";
  }
}
