package dev.phial.source;

import java.lang.foreign.Arena;
import java.nio.file.Path;

/** A layout in which checkpoints lie on a disk; {@link Sources#ALL} lists them. */
interface Source {
  /** Whether a checkpoint of this layout is at a path. */
  boolean isAt(Path path);

  /**
   * Reads headers and maps the weights.
   *
   * @param arena that the weights are mapped in
   * @throws dev.phial.PhialException.BadInput if a file is missing or damaged
   * @throws dev.phial.PhialException.Unsupported if it is sound, but of a kind that is not read
   */
  Checkpoint read(Path path, Arena arena);
}
