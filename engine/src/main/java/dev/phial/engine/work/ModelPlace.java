package dev.phial.engine.work;

import dev.phial.PhialException;
import dev.phial.model.Families;
import dev.phial.source.AppliedAdapter;
import dev.phial.source.Checkpoint;
import dev.phial.source.Fingerprint;
import dev.phial.source.Folder;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A model that other machines are to open, and how they know that it is the same.
 *
 * @param path where it is, see {@link Workers#whereIs}
 * @param adapters that are added to its weights, one after the other
 * @param original the folder that lends configuration and tokenizer, if another does
 * @param fingerprint of its files
 */
record ModelPlace(String path, List<Added> adapters, @Nullable String original, String fingerprint)
    implements Serializable {

  /**
   * An adapter.
   *
   * @param name in the checkpoint, or the folder that it is in
   */
  private record Added(String name, boolean isFolder, double scale) implements Serializable {
    static Added of(AppliedAdapter adapter) {
      return adapter
          .folder()
          .map(folder -> new Added(folder.toAbsolutePath().toString(), true, adapter.scale()))
          .orElseGet(() -> new Added(adapter.name(), false, adapter.scale()));
    }

    Checkpoint to(Checkpoint checkpoint) {
      return isFolder ? checkpoint.adapted(Path.of(name), scale) : checkpoint.adapted(name);
    }
  }

  static ModelPlace of(Checkpoint checkpoint, Workers workers) {
    String original =
        checkpoint.lender().isPresent() ? checkpoint.path().toAbsolutePath().toString() : null;
    return new ModelPlace(
        workers.whereIs(checkpoint.lender().orElse(checkpoint)),
        checkpoint.adapters().stream().map(Added::of).toList(),
        original,
        Fingerprint.of(checkpoint));
  }

  /** Opens it. */
  Checkpoint open(Place place) {
    Checkpoint weights = place.open(path);
    try {
      for (Added adapter : adapters) {
        weights = adapter.to(weights);
      }
      return original == null ? weights : beside(weights, Path.of(original));
    } catch (Throwable e) {
      weights.close();
      throw e;
    }
  }

  private static Checkpoint beside(Checkpoint weights, Path folder) {
    boolean tied = Families.describe(weights).hyperparameters().tied();
    return weights.beside(Folder.read(folder).tied(tied));
  }

  /**
   * @throws PhialException.BadInput if its files are others than where the work was cut
   */
  void check(Checkpoint opened) {
    check(path, fingerprint, Fingerprint.of(opened));
  }

  /**
   * Compares fingerprints.
   *
   * @throws PhialException.BadInput if they differ
   */
  static void check(String what, String fingerprint, String found) {
    if (!found.equals(fingerprint)) {
      throw new PhialException.BadInput(
          "%s: expected the files that the driver sees (%.12s), found others (%.12s); every machine must see the same, and nobody may change them meanwhile"
              .formatted(what, fingerprint, found));
    }
  }
}
