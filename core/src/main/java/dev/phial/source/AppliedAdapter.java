package dev.phial.source;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * An adapter that was added to the weights of a checkpoint.
 *
 * @param name of its folder, or in the checkpoint
 * @param scale that its changes were multiplied by, besides its own factor
 * @param files that it was read from, if not those of the checkpoint
 */
public record AppliedAdapter(String name, double scale, List<Path> files) {
  public AppliedAdapter {
    files = List.copyOf(files);
  }

  /** The folder that it was read from, if it is not in the checkpoint. */
  public Optional<Path> folder() {
    return files.stream().findFirst().map(Path::getParent);
  }
}
