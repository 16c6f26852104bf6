package dev.phial.spark;

import dev.phial.engine.work.Delivery;
import java.io.IOException;
import java.util.function.LongConsumer;
import org.apache.hadoop.conf.Configuration;
import org.apache.hadoop.fs.FileContext;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Options.Rename;
import org.apache.hadoop.fs.Path;

/**
 * An output in a file system that renames a folder at one instant. It is copied to a hidden folder
 * beside its place, called {@code .NAME.….part}. A folder that it replaces is called {@code
 * .NAME.….old} meanwhile: that is complete, and comes back if nothing took its place.
 *
 * <p>Nobody can tell there whether the process lives that a hidden folder belongs to, so the last
 * to write an output removes what others have of it; a rename of theirs fails then.
 */
final class RenamedOutput extends HadoopOutput {
  private static final String OLD = ".old";

  private final FileContext names;

  RenamedOutput(Delivery delivery, FileSystem files, Configuration configuration)
      throws IOException {
    super(delivery, files);
    this.names = FileContext.getFileContext(files.getUri(), configuration);
  }

  @Override
  void tidy() throws IOException {
    for (Path left : left(OLD)) {
      if (files().exists(target())) {
        files().delete(left, true);
      } else {
        names.rename(left, target());
      }
    }
    super.tidy();
  }

  @Override
  void appear(LongConsumer copied) throws IOException {
    copyHidden(copied, delivery().isFolder() ? this::placeFolder : this::placeFiles);
  }

  private void placeFolder(Path part) throws IOException {
    if (!files().exists(target())) {
      names.rename(part, target());
      return;
    }
    Path old = hidden(OLD);
    names.rename(target(), old);
    try {
      names.rename(part, target());
    } catch (IOException | RuntimeException e) {
      undo(e, () -> names.rename(old, target()));
      throw e;
    }
    quietly(() -> files().delete(old, true));
  }

  private void placeFiles(Path part) throws IOException {
    Rename how = delivery().replace() ? Rename.OVERWRITE : Rename.NONE;
    inTurn((file, place) -> names.rename(new Path(part, place.getName()), place, how));
  }
}
