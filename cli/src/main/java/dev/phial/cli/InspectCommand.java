package dev.phial.cli;

import java.util.concurrent.Callable;
import picocli.CommandLine.Command;

@Command(name = "inspect")
final class InspectCommand implements Callable<Integer> {
  @Override
  public Integer call() {
    return Main.DONE;
  }
}
