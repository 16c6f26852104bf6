package dev.phial.targets;

import dev.phial.plan.Plan;
import java.nio.file.Path;
import java.util.List;

/** One planned output. */
public interface Job {
  Plan plan();

  /** The files it would write if it were written to {@code output}. */
  List<Path> files(Path output);

  /**
   * Starts writing.
   *
   * @param replace whether existing files may be replaced
   * @throws dev.phial.PhialException.OutputFailed if the output exists or cannot be written
   */
  Sink open(Path output, boolean replace);
}
