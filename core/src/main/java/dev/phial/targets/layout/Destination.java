package dev.phial.targets.layout;

import dev.phial.io.Bytes;
import java.nio.file.Path;
import java.util.Optional;

/** Where the files of an output are written, and appear together. */
sealed interface Destination extends AutoCloseable permits FolderDestination, FilesDestination {
  /** Begins a file, which may be written at any position and by any number of threads. */
  Bytes create(String name);

  /** Copies a file under its own name. */
  void copy(Path file);

  /** Adds the manifest and makes all of it appear. */
  void commit(Optional<Provenance> manifest);

  /** Removes what was written, unless it has been committed. */
  @Override
  void close();
}
