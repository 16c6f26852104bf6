package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashSet;
import java.util.Optional;
import java.util.Set;

/** What a command reads, so that no output of it takes the place of an input. */
public final class Inputs {
  private final Set<Path> paths = new LinkedHashSet<>();

  /** Adds a file, or a folder with a model: the files of that model then. */
  public Inputs add(Path input) {
    paths.add(input);
    if (Files.isDirectory(input)) {
      paths.addAll(ModelFiles.readFrom(input));
    }
    return this;
  }

  /** Adds several. */
  public Inputs addAll(Iterable<Path> inputs) {
    inputs.forEach(this::add);
    return this;
  }

  /**
   * Refuses an output that is one of the inputs under whatever name, through symbolic and hard
   * links too, or a folder that holds one.
   *
   * @param option that names the output, for the message
   * @throws PhialException.Usage if it is
   */
  public void refuse(Path output, String option) {
    for (Path input : paths) {
      if (isSame(input, output) || holds(output, input)) {
        throw new PhialException.Usage(
            "%s %s what this command reads; pass %s with another name"
                .formatted(output, isSame(input, output) ? "is" : "holds " + input + ",", option));
      }
    }
  }

  private static boolean isSame(Path a, Path b) {
    try {
      return Files.exists(a) && Files.exists(b) && Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  private static boolean holds(Path output, Path input) {
    return Files.isDirectory(output)
        && real(input).isPresent()
        && real(input).get().startsWith(real(output).orElse(output));
  }

  private static Optional<Path> real(Path path) {
    try {
      return Optional.of(path.toRealPath());
    } catch (IOException e) {
      return Optional.empty();
    }
  }
}
