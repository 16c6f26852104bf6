package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Sizes;
import java.io.IOException;
import java.nio.file.InvalidPathException;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Supplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;
import picocli.CommandLine.UnmatchedArgumentException;

/** The {@code phial} command. */
@Command(
    name = "phial",
    description = "Puts Microsoft's Phi models on the edge.",
    footer = {
      "",
      "phial COMMAND --help tells more. To try it: phial quantize demo --to gguf:Q4_K_M"
    },
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND",
    commandListHeading = "%nCommands%n",
    usageHelpWidth = Main.WIDTH,
    scope = CommandLine.ScopeType.INHERIT)
public final class Main implements Callable<Integer> {
  /** Exit statuses: done, failed, misused. */
  static final int DONE = 0;

  static final int FAILED = 1;
  static final int MISUSED = 2;

  /** Columns of the help. */
  static final int WIDTH = 100;

  /** In the order of the help. */
  private static final Map<String, Supplier<CommandLine>> COMMANDS = new LinkedHashMap<>();

  static {
    COMMANDS.put("quantize", () -> withTargets(new QuantizeCommand()));
    COMMANDS.put("inspect", () -> new CommandLine(new InspectCommand()));
    COMMANDS.put("plan", () -> withTargets(new PlanCommand()));
    COMMANDS.put("devices", () -> new CommandLine(new DevicesCommand()));
    COMMANDS.put("tune", () -> new CommandLine(new TuneCommand()));
    COMMANDS.put("compare", () -> new CommandLine(new CompareCommand()));
    COMMANDS.put("run", () -> new CommandLine(new RunCommand()));
    COMMANDS.put("chat", () -> new CommandLine(new ChatCommand()));
    COMMANDS.put("serve", () -> new CommandLine(new ServeCommand()));
    COMMANDS.put("eval", () -> new CommandLine(new EvalCommand()));
    COMMANDS.put("calibrate", () -> new CommandLine(new CalibrateCommand()));
    COMMANDS.put("doctor", () -> new CommandLine(new DoctorCommand()));
    COMMANDS.put("tokenize", () -> new CommandLine(new TokenizeCommand()));
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  public static void main(String[] args) {
    StandardOutput out = StandardOutput.install();
    System.exit(out.status(run(args)));
  }

  /**
   * Runs a command line; everything it prints goes to {@code System.out} and {@code System.err}.
   *
   * @return the exit status
   */
  public static int run(String... args) {
    try {
      return commandLine(args).execute(args);
    } catch (OutOfMemoryError e) {
      String message = String.valueOf(e.getMessage());
      return failed(
          message.contains("heap") || message.contains("array size")
              ? "out of memory: expected to need less than %s; please report it, with the model's config.json"
                  .formatted(Sizes.of(Runtime.getRuntime().maxMemory()))
              : "out of memory: the system has no more (%s); close other programs, or use a shorter --context"
                  .formatted(message));
    } catch (TypeNotPresentException e) {
      return failed(refusal(e).orElseThrow(() -> e));
    } catch (Error e) {
      if (e instanceof InternalError && String.valueOf(e.getMessage()).contains("memory access")) {
        // the JVM's answer to SIGBUS, where no tensor is known any more
        return failed(
            "a file of the model can no longer be read; was it changed meanwhile, or has its disk failed?");
      }
      return failed(refusal(e).orElseThrow(() -> e));
    }
  }

  private static CommandLine commandLine(String... args) {
    CommandLine root = new CommandLine(new Main());
    // only the one that is asked for, where there is one: the others take a tenth of a second
    Optional<Supplier<CommandLine>> asked = Arrays.stream(args).findFirst().map(COMMANDS::get);
    asked
        .map(List::of)
        .orElse(List.copyOf(COMMANDS.values()))
        .forEach(command -> root.addSubcommand(command.get()));
    root.setExpandAtFiles(false); // a prompt may begin with @
    root.setParameterExceptionHandler(Main::misused);
    root.setExecutionExceptionHandler(Main::report);
    return root;
  }

  /**
   * What the system said, where it refused a file that Java itself or a library asked for: mostly
   * that too many are open.
   */
  private static Optional<String> refusal(Throwable failure) {
    for (Throwable cause = failure; cause != null; cause = cause.getCause()) {
      if (cause instanceof IOException && cause.getMessage() != null) {
        return Optional.of("the system refused a file: " + cause.getMessage());
      }
    }
    return failure instanceof LinkageError || failure instanceof TypeNotPresentException
        ? Optional.of(
            "a part of Phial or Java cannot be loaded (%s); is the installation complete, and may enough files be open (ulimit -n)?"
                .formatted(failure.getMessage()))
        : Optional.empty();
  }

  private static CommandLine withTargets(Object command) {
    CommandLine line = new CommandLine(command);
    TargetArguments.addTo(line.getCommandSpec());
    return line;
  }

  /** Without a command. */
  @Override
  public Integer call() {
    spec.commandLine().usage(System.err);
    return MISUSED;
  }

  /** What picocli does not understand, in our words where its own would not help. */
  private static int misused(ParameterException e, String[] args) {
    CommandLine line = e.getCommandLine();
    String message = String.valueOf(e.getMessage());
    List<String> suggestions = List.of();
    if (e instanceof UnmatchedArgumentException unmatched) {
      String argument = unmatched.getUnmatched().getFirst();
      boolean isCommand = line.getParent() == null && !argument.startsWith("-");
      message =
          (unmatched.isUnknownOption()
                  ? "there is no option "
                  : isCommand ? "there is no command " : "expected nothing more, found ")
              + argument;
      suggestions = unmatched.getSuggestions();
    }
    System.err.println("phial: " + message);
    if (!suggestions.isEmpty()) {
      System.err.println("Did you mean " + String.join(" or ", suggestions) + "?");
    }
    System.err.println("See " + line.getCommandSpec().qualifiedName() + " --help");
    return MISUSED;
  }

  private static int failed(String message) {
    System.err.println("phial: " + message);
    return FAILED;
  }

  private static int report(Exception e, CommandLine line, CommandLine.ParseResult result)
      throws Exception {
    if (e instanceof PhialException.Usage usage) {
      failed(usage.getMessage());
      System.err.println("See " + line.getCommandSpec().qualifiedName() + " --help");
      return MISUSED;
    }
    if (e instanceof InvalidPathException path) {
      failed(
          path.getMessage() + "; expected a path in the encoding of the locale, most often UTF-8");
      return MISUSED;
    }
    if (e instanceof PhialException known) {
      return failed(known.getMessage());
    }
    // without one, a bug of ours: the stack trace is what helps
    return failed(refusal(e).orElseThrow(() -> e));
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      return new String[] {
        "phial " + dev.phial.Version.current(),
        "Java " + Runtime.version() + ", " + dev.phial.kernel.Kernels.best().describe() + " kernels"
      };
    }
  }
}
