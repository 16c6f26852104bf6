package dev.phial.spark;

import dev.phial.engine.work.Delivery;
import dev.phial.io.ModelFiles;
import java.io.IOException;
import java.util.Set;
import java.util.function.LongConsumer;
import java.util.function.Predicate;
import org.apache.hadoop.fs.FileStatus;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * An output in an object store, or whatever else may not rename a folder at one instant. A file
 * appears there when it is closed. The manifest of a folder comes last: without it, a folder is not
 * complete. Until then it is called {@code .phial.json.part}, and tells what of the folder is ours.
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
    if (!delivery().isFolder() || !files().exists(unfinished())) {
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
    if (!delivery().isFolder()) {
      inTurn((file, place) -> copy(file, place, copied));
      return;
    }
    try {
      clear();
      copy(delivery().files().getLast(), unfinished(), bytes -> {});
      for (java.nio.file.Path file : delivery().files()) {
        copy(file, placeOf(file), copied);
      }
    } finally {
      tidy();
    }
  }

  /** Removes what is replaced: its manifest says so under the other name until all is gone. */
  private void clear() throws IOException {
    if (files().exists(manifest())) {
      files().rename(manifest(), unfinished());
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
