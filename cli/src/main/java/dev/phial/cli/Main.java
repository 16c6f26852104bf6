package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.SystemRefusal;
import dev.phial.engine.work.Workers;
import dev.phial.io.Sizes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.function.Function;
import java.util.function.IntSupplier;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** The {@code phial} command. */
@Command(
    name = "phial",
    description = "Puts Microsoft's Phi models on the edge.",
    footer = {"", "phial help COMMAND tells more. To try it: phial quantize demo --to gguf:Q4_K_M"},
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
  private static final Map<String, Function<Optional<Workers>, CommandLine>> COMMANDS =
      new LinkedHashMap<>();

  static {
    COMMANDS.put("pull", any -> new CommandLine(new PullCommand()));
    COMMANDS.put("quantize", workers -> withTargets(new QuantizeCommand(workers)));
    COMMANDS.put("batch", workers -> new CommandLine(new BatchCommand(workers)));
    COMMANDS.put("inspect", any -> new CommandLine(new InspectCommand()));
    COMMANDS.put("plan", any -> withTargets(new PlanCommand()));
    COMMANDS.put("devices", any -> new CommandLine(new DevicesCommand()));
    COMMANDS.put("tune", any -> new CommandLine(new TuneCommand()));
    COMMANDS.put("compare", any -> new CommandLine(new CompareCommand()));
    COMMANDS.put("run", any -> new CommandLine(new RunCommand()));
    COMMANDS.put("chat", any -> new CommandLine(new ChatCommand()));
    COMMANDS.put("serve", any -> new CommandLine(new ServeCommand()));
    COMMANDS.put("eval", workers -> new CommandLine(new EvalCommand(workers)));
    COMMANDS.put("calibrate", workers -> new CommandLine(new CalibrateCommand(workers)));
    COMMANDS.put("doctor", any -> new CommandLine(new DoctorCommand()));
    COMMANDS.put("tokenize", any -> new CommandLine(new TokenizeCommand()));
    COMMANDS.put("spark", any -> new CommandLine(new SparkCommand()));
    COMMANDS.put("completion", any -> new CommandLine(new CompletionCommand()));
    COMMANDS.put("man", any -> new CommandLine(new ManCommand()));
  }

  @Spec private CommandSpec spec = CommandSpec.create();

  public static void main(String[] args) {
    end(() -> run(args));
  }

  /**
   * Ends the process with the status of a command, and knows whether all it printed went through.
   */
  public static void end(IntSupplier command) {
    StandardOutput out = StandardOutput.install();
    System.exit(out.status(command.getAsInt()));
  }

  /**
   * Says why no command was run.
   *
   * @return the exit status
   */
  public static int refuse(PhialException reason) {
    int status = Failures.afterResult(reason.getMessage());
    return reason instanceof PhialException.Usage ? MISUSED : status;
  }

  /**
   * Runs a command line on this machine alone; everything it prints goes to {@code System.out} and
   * {@code System.err}.
   *
   * @return the exit status
   */
  public static int run(String... args) {
    return run(Optional.empty(), args);
  }

  /**
   * Runs a command line.
   *
   * @param workers other machines that do what falls into tasks
   * @return the exit status
   */
  public static int run(Optional<Workers> workers, String... args) {
    List<String> words = spelled(List.of(args));
    Failures failures = Failures.of(words);
    try {
      if (!words.isEmpty()
          && !words.getFirst().startsWith("-")
          && !COMMANDS.containsKey(words.getFirst())) {
        return failures.unknown(words.getFirst(), COMMANDS.keySet());
      }
      return commandLine(words, workers, failures).execute(words.toArray(new String[0]));
    } catch (OutOfMemoryError e) {
      String message = String.valueOf(e.getMessage());
      return failures.failed(
          message.contains("heap") || message.contains("array size")
              ? "out of memory: expected to need less than %s; please report it, with the model's config.json"
                  .formatted(Sizes.of(Runtime.getRuntime().maxMemory()))
              : "out of memory: the system has no more (%s); close other programs, or use a shorter --context"
                  .formatted(message));
    } catch (TypeNotPresentException e) {
      return failures.failed(SystemRefusal.of(e).orElseThrow(() -> e));
    } catch (Error e) {
      if (e instanceof InternalError && String.valueOf(e.getMessage()).contains("memory access")) {
        // the JVM's answer to SIGBUS, where no tensor is known any more
        return failures.failed(
            "a file of the model can no longer be read; was it changed meanwhile, or has its disk failed?");
      }
      return failures.failed(SystemRefusal.of(e).orElseThrow(() -> e));
    }
  }

  /** {@code help COMMAND} and {@code version}, as picocli's options. */
  private static List<String> spelled(List<String> words) {
    return switch (words.isEmpty() ? "" : words.getFirst()) {
      case "help" -> words.size() > 1 ? List.of(words.get(1), "--help") : List.of("--help");
      case "version", "-v" -> List.of("--version");
      default -> words;
    };
  }

  private static CommandLine commandLine(
      List<String> words, Optional<Workers> workers, Failures failures) {
    CommandLine root = new CommandLine(new Main());
    // only the one that is asked for, where there is one: the others take a tenth of a second
    Optional<Function<Optional<Workers>, CommandLine>> asked =
        words.stream().findFirst().map(COMMANDS::get);
    asked
        .map(List::of)
        .orElse(List.copyOf(COMMANDS.values()))
        .forEach(command -> root.addSubcommand(command.apply(workers)));
    root.setExpandAtFiles(false); // a prompt may begin with @
    root.setParameterExceptionHandler(failures::misused);
    root.setExecutionExceptionHandler(failures::report);
    return root;
  }

  /** All commands, for those that tell of them. */
  static CommandLine everything() {
    CommandLine root = new CommandLine(new Main());
    COMMANDS.forEach((name, command) -> root.addSubcommand(command.apply(Optional.empty())));
    return root;
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
