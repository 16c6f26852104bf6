package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A folder for files that are needed for a while. It goes when it is closed or the process is asked
 * to end; what a kill -9 leaves goes when the same is needed again.
 */
public final class ScratchFolder implements AutoCloseable {
  private final Path path;
  private final FileChannel lock;

  private ScratchFolder(Path path, FileChannel lock) {
    this.path = path;
    this.lock = lock;
  }

  /**
   * Makes one in the user's cache.
   *
   * @param purpose a word, the name of a folder
   * @throws PhialException.OutputFailed if there is no room for it
   */
  public static ScratchFolder create(String purpose, String name) {
    Path target = UserCache.folder(purpose).resolve(name).toAbsolutePath();
    try {
      Path part = Parts.beside(target);
      Files.createDirectory(part);
      return new ScratchFolder(part, Parts.lockIn(part));
    } catch (IOException e) {
      throw OutputFile.failed(target, e);
    }
  }

  public Path path() {
    return path;
  }

  /**
   * Moves files or folders that are in it to a new folder beside it, where they stay.
   *
   * @return the new folder
   */
  public Path keep(List<Path> what) throws IOException {
    return Parts.keep(path, what);
  }

  @Override
  public void close() {
    try {
      lock.close();
    } catch (IOException e) {
      // it goes with the process
    }
    Parts.removeNowOrLater(path);
  }
}
