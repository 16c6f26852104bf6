package dev.phial.cli;

import dev.phial.Version;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;
import picocli.CommandLine.Model.UsageMessageSpec;

/** {@code phial man}: the manual page, made from what the help knows. */
@Command(
    name = "man",
    header = "Prints the manual page, for man -l -.",
    description = "To install it: phial man > ~/.local/share/man/man1/phial.1",
    customSynopsis = "phial man",
    footer = "",
    sortOptions = false)
final class ManCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    System.out.print(page(Main.everything()));
    return Main.DONE;
  }

  static String page(CommandLine root) {
    StringBuilder page = new StringBuilder();
    page.append(".TH PHIAL 1 \"\" \"phial %s\" \"User Commands\"%n".formatted(Version.current()));
    page.append(".SH NAME\nphial \\- ")
        .append(text(root.getCommandSpec().usageMessage().description()));
    page.append("\n.SH SYNOPSIS\n.B phial\n.I COMMAND\n[OPTIONS]\n.SH COMMANDS\n");
    root.getSubcommands().values().forEach(command -> describe(command, page));
    page.append(
        """
        .SH EXIT STATUS
        0 if all went well, 1 if something failed or was found wanting (\\fBeval --max-kl\\fR, \\fBcompare --exact\\fR,
        \\fBdoctor\\fR), 2 if the command line makes no sense.
        With \\fB--json\\fR a failure is an object with \\fIerror\\fR and \\fIstatus\\fR on standard output.
        .SH FILES
        .TP
        .I ~/.cache/phial
        The model called demo and the native part of the tokenizer, unpacked, some 26 MB; $XDG_CACHE_HOME moves it. It may
        be removed at any time.
        """);
    return page.toString();
  }

  private static void describe(CommandLine command, StringBuilder page) {
    UsageMessageSpec usage = command.getCommandSpec().usageMessage();
    page.append(".SS ").append(synopsis(command)).append('\n');
    page.append(text(usage.header())).append('\n').append(text(usage.description())).append('\n');
    for (PositionalParamSpec parameter : command.getCommandSpec().positionalParameters()) {
      entry("\\fI" + escaped(parameter.paramLabel()) + "\\fR", parameter.description(), page);
    }
    for (OptionSpec option : command.getCommandSpec().options()) {
      if (!option.hidden()) {
        String names =
            Stream.of(option.names())
                .map(name -> "\\fB" + escaped(name) + "\\fR")
                .collect(Collectors.joining(", "));
        boolean takesValue = option.arity().max() > 0;
        entry(
            names + (takesValue ? " \\fI" + escaped(option.paramLabel()) + "\\fR" : ""),
            option.description(),
            page);
      }
    }
    List<String> footer =
        Stream.of(usage.footer()).filter(line -> !line.isBlank()).map(ManCommand::escaped).toList();
    if (!footer.isEmpty()) {
      page.append(".PP\n").append(String.join("\n.br\n", footer)).append('\n');
    }
  }

  private static String synopsis(CommandLine command) {
    String[] own = command.getCommandSpec().usageMessage().customSynopsis();
    return own.length > 0 ? text(own) : escaped("phial " + command.getCommandName() + " [OPTIONS]");
  }

  private static void entry(String head, String[] description, StringBuilder page) {
    page.append(".TP\n").append(head).append('\n').append(text(description)).append('\n');
  }

  private static String text(String[] lines) {
    return escaped(String.join(" ", lines).replace("%n", " ").replace("%%", "%"));
  }

  /** What roff would take for its own. */
  private static String escaped(String text) {
    String plain = text.replace("\\", "\\e").replace("-", "\\-");
    return plain.startsWith(".") || plain.startsWith("'") ? "\\&" + plain : plain;
  }
}
