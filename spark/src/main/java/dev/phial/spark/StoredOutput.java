package dev.phial.spark;

import dev.phial.engine.work.Delivery;
import dev.phial.io.ModelFiles;
import java.io.IOException;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.apache.hadoop.fs.CommonPathCapabilities;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * An output in an object store, or whatever else may not rename a folder at one instant. The
 * manifest of a folder comes last: without it, a folder is not complete. Until then it is called
 * {@code .phial.json.part}, and tells what of the folder is ours. A file that is no part of a
 * folder is copied to a hidden folder first, unless it appears only when it is closed.
 */
final class StoredOutput extends HadoopOutput {
  private static final String UNFINISHED = "." + ModelFiles.MANIFEST + ".part";

  StoredOutput(Delivery delivery, FileSystem files) {
    super(delivery, files);
  }

  private Path unfinished() {
    return new Path(target(), UNFINISHED);
  }

  private Path manifest() {
    return new Path(target(), ModelFiles.MANIFEST);
  }

  @Override
  void tidy() throws IOException {
    if (!delivery().isFolder()) {
      super.tidy();
      return;
    }
    if (!files().exists(unfinished())) {
      return;
    }
    if (!files().exists(manifest())) {
      Set<String> ours = ModelFiles.written(() -> files().open(unfinished()));
      remove(ours::contains);
    }
    files().delete(unfinished(), false);
    if (files().exists(target()) && files().listStatus(target()).length == 0) {
      files().delete(target(), false); // an object store has no empty folders
    }
  }

  @Override
  void appear(LongConsumer copied) throws IOException {
    if (delivery().isFolder()) {
      fill(copied);
    } else if (files().hasPathCapability(target(), CommonPathCapabilities.ABORTABLE_STREAM)) {
      inTurn((file, place) -> copy(file, place, copied));
    } else {
      copyHidden(copied, this::placeFiles);
    }
  }

  private void placeFiles(Path part) throws IOException {
    inTurn((file, place) -> {
      files().delete(place, false);
      rename(new Path(part, place.getName()), place);
    });
  }

  private void rename(Path from, Path to) throws IOException {
    if (!files().rename(from, to)) {
      throw new IOException("%s cannot be renamed to %s".formatted(from, to.getName()));
    }
  }

  private void fill(LongConsumer copied) throws IOException {
    try {
      clear();
      copy(delivery().files().getLast(), unfinished(), bytes -> {});
      for (java.nio.file.Path file : delivery().files()) {
        copy(file, placeOf(file), copied);
      }
    } catch (IOException | RuntimeException e) {
      undo(e, this::tidy);
      throw e;
    }
    quietly(this::tidy);
  }

  /** Removes what is replaced: its manifest says so under the other name until all is gone. */
  private void clear() throws IOException {
    if (files().exists(manifest())) {
      rename(manifest(), unfinished());
    }
    if (files().exists(target())) {
      remove(name -> !name.equals(UNFINISHED));
    }
  }

  private void remove(Predicate<String> which) throws IOException {
    for (FileStatus file : files().listStatus(target())) {
      if (which.test(file.getPath().getName())) {
        files().delete(file.getPath(), false);
      }
    }
  }
}
