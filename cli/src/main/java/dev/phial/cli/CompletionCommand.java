package dev.phial.cli;

import dev.phial.PhialException;
import java.util.concurrent.Callable;
import picocli.AutoComplete;
import picocli.CommandLine.Command;
import picocli.CommandLine.Parameters;

/** {@code phial completion}: what a shell needs to complete command lines. */
@Command(
    name = "completion",
    header = "Prints a script that completes phial's command lines in a shell.",
    description =
        "For this session: source <(phial completion bash), or phial completion fish | source.",
    footer = {
      "",
      "For good: phial completion bash > ~/.local/share/bash-completion/completions/phial",
      "          phial completion zsh, into a file that ~/.zshrc sources after compinit",
      "          phial completion fish > ~/.config/fish/completions/phial.fish"
    },
    customSynopsis = "phial completion bash|zsh|fish",
    sortOptions = false)
final class CompletionCommand implements Callable<Integer> {
  private static final String NAME = "phial";

  @Parameters(index = "0", paramLabel = "SHELL", description = "bash, zsh or fish.")
  private String shell = "";

  @Override
  public Integer call() {
    System.out.print(
        switch (shell) {
          case "bash", "zsh" -> AutoComplete.bash(NAME, Main.everything()); // it is for both
          case "fish" -> FishCompletion.of(Main.everything());
          default -> throw new PhialException.Usage("expected bash, zsh or fish, found " + shell);
        });
    return Main.DONE;
  }
}
