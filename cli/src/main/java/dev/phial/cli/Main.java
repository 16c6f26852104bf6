package dev.phial.cli;

import dev.phial.PhialException;
import picocli.CommandLine;
import picocli.CommandLine.Command;

/** The {@code phial} command. */
@Command(
    name = "phial",
    description = "Puts Microsoft's Phi models on the edge.",
    mixinStandardHelpOptions = true,
    versionProvider = Main.Version.class,
    synopsisSubcommandLabel = "COMMAND")
public final class Main implements Runnable {
  /** Exit statuses: done, failed, misused. */
  static final int DONE = 0;

  static final int FAILED = 1;
  static final int MISUSED = 2;

  public static void main(String[] args) {
    System.exit(run(args));
  }

  /**
   * Runs a command line; everything it prints goes to {@code System.out} and {@code System.err}.
   */
  static int run(String... args) {
    CommandLine root = new CommandLine(new Main());
    root.addSubcommand(withTargets(new QuantizeCommand()));
    root.addSubcommand(new InspectCommand());
    root.addSubcommand(withTargets(new PlanCommand()));
    root.addSubcommand(new CompareCommand());
    root.setExecutionExceptionHandler(Main::report);
    return root.execute(args);
  }

  private static CommandLine withTargets(Object command) {
    CommandLine line = new CommandLine(command);
    TargetArguments.addTo(line.getCommandSpec());
    return line;
  }

  @Override
  public void run() {
    new CommandLine(this).usage(System.out);
  }

  private static int report(Exception e, CommandLine line, CommandLine.ParseResult result)
      throws Exception {
    if (e instanceof PhialException.Usage) {
      System.err.println("phial: " + e.getMessage());
      System.err.println("See phial " + line.getCommandName() + " --help");
      return MISUSED;
    }
    if (e instanceof PhialException) {
      System.err.println("phial: " + e.getMessage());
      return FAILED;
    }
    throw e; // a bug of ours: the stack trace is what helps
  }

  static final class Version implements CommandLine.IVersionProvider {
    @Override
    public String[] getVersion() {
      String version = Main.class.getPackage().getImplementationVersion();
      return new String[] {
        "phial " + (version == null ? "(not packaged)" : version),
        "Java " + Runtime.version() + ", " + dev.phial.kernel.Kernels.best().describe() + " kernels"
      };
    }
  }
}
