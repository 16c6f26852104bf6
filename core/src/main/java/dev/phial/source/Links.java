package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Symbolic links among the files that go with the weights. What such a file holds comes along to
 * the output, which people publish; a link in a folder from somewhere else could name a key.
 */
final class Links {
  private Links() {}

  /**
   * A file of a folder, which may be a link to another one there, or to a blob where the folder is
   * a snapshot in a cache of the Hugging Face hub ({@code models--OWNER--NAME/snapshots/HASH}).
   *
   * @throws PhialException.BadInput if it is a link to elsewhere
   */
  static Path checked(Path folder, Path file) {
    if (!Files.isSymbolicLink(file)) {
      return file;
    }
    try {
      Path home = folder.toRealPath();
      Path target = file.toRealPath();
      if (target.startsWith(home) || isBlobOf(home, target)) {
        return file;
      }
      throw Refusal.bad(
          file,
          "expected a file, or a link to one in the same folder, found a link to %s; copy that file here if it belongs to the model, else remove the link",
          target);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static boolean isBlobOf(Path snapshot, Path target) {
    Path snapshots = snapshot.getParent();
    if (snapshots == null || !snapshots.endsWith("snapshots")) {
      return false;
    }
    Path model = snapshots.getParent();
    return model != null
        && String.valueOf(model.getFileName()).startsWith("models--")
        && target.startsWith(model.resolve("blobs"));
  }
}
