package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.Printable;
import dev.phial.SystemRefusal;
import dev.phial.io.Json;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.nio.file.InvalidPathException;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.CommandLine;
import picocli.CommandLine.MissingParameterException;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.UnmatchedArgumentException;

/**
 * What is said of a command that failed: a sentence on stderr and, where JSON was asked for, an
 * object with an {@code error} on stdout.
 */
record Failures(boolean asJson) {
  private static final int LONGEST = 4000;

  /** For a command line. */
  static Failures of(List<String> arguments) {
    return new Failures(arguments.contains("--json"));
  }

  /** For a command that has printed its result, and it is not what was asked for. */
  static int afterResult(String message) {
    System.err.println("phial: " + Printable.of(message, LONGEST));
    return Main.FAILED;
  }

  int failed(String message) {
    return say(message, Main.FAILED);
  }

  private int say(String message, int status) {
    System.err.println("phial: " + message);
    if (asJson) {
      JsonResult.printLine(
          Json.MAPPER.createObjectNode().put("error", message).put("status", status));
    }
    return status;
  }

  /** What picocli does not understand, in our words where its own would not help. */
  int misused(ParameterException e, String[] arguments) {
    CommandLine line = e.getCommandLine();
    String command = line.getCommandSpec().qualifiedName();
    String message = String.valueOf(e.getMessage());
    Optional<String> advice = Optional.empty();
    if (e instanceof UnmatchedArgumentException unmatched) {
      String argument = unmatched.getUnmatched().getFirst();
      if (unmatched.isUnknownOption()) {
        message = "there is no option " + argument;
        advice =
            PeerOptions.translate(argument)
                .or(() -> didYouMean(argument.split("=", 2)[0], options(line)));
      } else {
        message = "expected nothing more, found " + argument;
        advice = order(argument).map("Did you mean --to %s?"::formatted);
      }
    } else if (e instanceof MissingParameterException missing
        && !missing.getMissing().isEmpty()
        && missing.getMissing().getFirst().isPositional()) {
      message = missing.getMissing().getFirst().paramLabel() + " is missing";
    }
    int status = say(message, Main.MISUSED);
    advice.ifPresent(System.err::println);
    System.err.println("See " + command + " --help");
    return status;
  }

  /** A command that there is not. */
  int unknown(String command, Collection<String> commands) {
    int status = say("there is no command " + command, Main.MISUSED);
    didYouMean(command, commands).ifPresent(System.err::println);
    System.err.println("See phial --help");
    return status;
  }

  private static Optional<String> didYouMean(String word, Collection<String> known) {
    return Nearest.to(word, known).map("Did you mean %s?"::formatted);
  }

  private static List<String> options(CommandLine line) {
    return line.getCommandSpec().options().stream()
        .filter(option -> !option.hidden())
        .flatMap(option -> Stream.of(option.names()))
        .toList();
  }

  /** A precision that stands alone, as llama-quantize wants it. */
  private static Optional<String> order(String word) {
    return Targets.ALL.stream()
        .filter(target -> target.precisions().stream().anyMatch(word::equalsIgnoreCase))
        .map(Target::name)
        .findFirst()
        .map(target -> target + ":" + word);
  }

  /** An exception that a command ended with. */
  int report(Exception e, CommandLine line, CommandLine.ParseResult result) throws Exception {
    if (e instanceof PhialException.Usage usage) {
      int status = say(usage.getMessage(), Main.MISUSED);
      System.err.println("See " + line.getCommandSpec().qualifiedName() + " --help");
      return status;
    }
    if (e instanceof InvalidPathException path) {
      return say(
          path.getMessage() + "; expected a path in the encoding of the locale, most often UTF-8",
          Main.MISUSED);
    }
    if (e instanceof PhialException known) {
      return failed(known.getMessage());
    }
    // without one, a bug of ours: the stack trace is what helps
    return failed(SystemRefusal.of(e).orElseThrow(() -> e));
  }
}
