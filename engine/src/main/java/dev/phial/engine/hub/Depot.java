package dev.phial.engine.hub;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Where files of the hub are kept. */
sealed interface Depot permits HubCache, LocalFolder {
  /** What holds all of it. */
  Path root();

  /** Where the files of a commit are. */
  Path snapshot(HubId id, String commit);

  /** Where what a file holds is. */
  Path blob(HubId id, RemoteFile file);

  /** Where it is until it is complete; other tools call theirs otherwise. */
  Path part(HubId id, RemoteFile file);

  /** The commit that a revision was at when it was last looked up, if its snapshot is here. */
  Optional<String> commit(HubId id);

  /** Whether a file of a commit is here, whoever brought it. */
  boolean has(HubId id, String commit, RemoteFile file);

  /** Whether what a file holds is here; half of it, after a power cut, is not. */
  boolean hasBlob(HubId id, RemoteFile file);

  /** Bytes of a file that came before. */
  default long begun(HubId id, RemoteFile file) {
    try {
      return Math.min(file.size(), Files.size(part(id, file)));
    } catch (IOException e) {
      return 0;
    }
  }

  /**
   * Makes the folders that files will come to.
   *
   * @throws dev.phial.PhialException.OutputFailed if something else is in their place
   */
  void prepare(HubId id, List<RemoteFile> files) throws IOException;

  /**
   * Puts a file whose blob is here where it belongs in a snapshot.
   *
   * @param isNew whether nothing else refers to the blob
   */
  void place(HubId id, String commit, RemoteFile file, boolean isNew) throws IOException;

  /**
   * Writes down where a revision is.
   *
   * @throws dev.phial.PhialException.OutputFailed if that fails
   */
  void remember(HubId id, String commit);
}
