package dev.phial.spark;

import dev.phial.engine.work.Delivery;
import java.io.IOException;
import java.util.List;
import java.util.UUID;
import java.util.function.LongConsumer;
import java.util.regex.Pattern;
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
  /** What {@link UUID} writes. */
  private static final String ID = "[0-9a-f-]{36}";

  private static final String PART = ".part";
  private static final String OLD = ".old";

  private final FileContext names;

  RenamedOutput(Delivery delivery, FileSystem files, Configuration configuration)
      throws IOException {
    super(delivery, files);
    this.names = FileContext.getFileContext(files.getUri(), configuration);
  }

  private String start() {
    return "." + target().getName() + ".";
  }

  private Path hidden(String end) {
    return new Path(target().getParent(), start() + UUID.randomUUID() + end);
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
    for (Path left : left(PART)) {
      files().delete(left, true);
    }
  }

  /** Not those of an output whose name begins with that of this one and a dot. */
  private List<Path> left(String end) throws IOException {
    return beside(
        Pattern.compile(Pattern.quote(start()) + ID + Pattern.quote(end)).asMatchPredicate());
  }

  @Override
  void appear(LongConsumer copied) throws IOException {
    Path part = hidden(PART);
    files().mkdirs(part);
    files().deleteOnExit(part); // if the process is asked to end
    try {
      for (java.nio.file.Path file : delivery().files()) {
        copy(file, new Path(part, String.valueOf(file.getFileName())), copied);
      }
      checkPlace();
      if (delivery().isFolder()) {
        placeFolder(part);
      } else {
        inTurn((file, place) -> names.rename(new Path(part, place.getName()), place, replacing()));
      }
    } finally {
      files().delete(part, true);
      files().cancelDeleteOnExit(part);
    }
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
    } catch (IOException e) {
      names.rename(old, target());
      throw e;
    }
    files().delete(old, true);
  }

  private Rename replacing() {
    return delivery().replace() ? Rename.OVERWRITE : Rename.NONE;
  }
}
