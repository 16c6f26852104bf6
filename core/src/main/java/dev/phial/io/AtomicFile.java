package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;

/**
 * A file that appears under its name only when it is complete: bytes go to a hidden {@code .part}
 * file beside it, which {@link #commit} flushes to disk and renames. Whatever happens before that,
 * the target name is untouched; a part file is removed on close and when the process is asked to
 * end. It survives only a kill -9 or a power cut, and then until the target is written again.
 *
 * <p>{@link #write} may be called by several threads.
 */
public final class AtomicFile implements Bytes, AutoCloseable {
  private final Path target; // absolute
  private final Path part;
  private final OutputFile out;
  private final boolean replace;

  private AtomicFile(Path target, Path part, OutputFile out, boolean replace) {
    this.target = target;
    this.part = part;
    this.out = out;
    this.replace = replace;
  }

  /**
   * Starts a file.
   *
   * @param replace whether an existing file may be replaced
   * @throws PhialException.OutputFailed if the target is no file or may not be replaced, or the
   *     folder cannot be written
   */
  public static AtomicFile create(Path target, boolean replace) {
    check(target, replace);
    Path absolute = target.toAbsolutePath();
    try {
      Path part = Parts.beside(absolute);
      try {
        return new AtomicFile(absolute, part, OutputFile.create(part, target), replace);
      } catch (IOException e) {
        Parts.forget(part);
        throw e;
      }
    } catch (IOException e) {
      throw OutputFile.failed(target, e);
    }
  }

  /**
   * Writes a whole file.
   *
   * @param replace whether an existing file may be replaced
   * @throws PhialException.OutputFailed if it cannot be written, or is there and may not be
   *     replaced
   */
  public static void put(Path target, byte[] content, boolean replace) {
    try (AtomicFile file = create(target, replace)) {
      file.write(ByteBuffer.wrap(content), 0);
      file.commit();
    }
  }

  /**
   * Tells whether a file could be made at a place, as far as can be seen without making it.
   *
   * @throws PhialException.OutputFailed if it could not
   */
  public static void check(Path target, boolean replace) {
    Place.of(target.toAbsolutePath(), target).checkFile(target, replace);
  }

  public Path target() {
    return target;
  }

  /** Where it lies until it appears. */
  public Path part() {
    return part;
  }

  @Override
  public void write(ByteBuffer bytes, long position) {
    out.write(bytes, position);
  }

  /** Makes the file durable, then visible under its name. */
  public void commit() {
    commit(List.of(this));
  }

  /**
   * Commits files that belong together: they appear when all are durable. If one of them cannot,
   * those that were new vanish again.
   */
  public static void commit(List<AtomicFile> files) {
    files.forEach(AtomicFile::finish);
    List<Path> appeared = new ArrayList<>();
    try {
      for (AtomicFile file : files) {
        boolean isNew = !Files.exists(file.target, LinkOption.NOFOLLOW_LINKS);
        file.appear();
        if (isNew) {
          appeared.add(file.target);
        }
      }
    } catch (PhialException e) {
      appeared.forEach(AtomicFile::remove);
      throw e;
    }
  }

  private void finish() {
    try {
      out.finish();
    } catch (IOException e) {
      throw OutputFile.failed(target, e);
    }
  }

  private void appear() {
    check(target, replace);
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      Parts.forget(part);
      Parts.flushFolderOf(target);
    } catch (IOException e) {
      throw OutputFile.failed(target, e);
    }
  }

  private static void remove(Path appeared) {
    try {
      Files.deleteIfExists(appeared);
    } catch (IOException ignored) {
      // what made the others fail is what the user is told
    }
  }

  /**
   * Removes the part file, unless it has been committed; what cannot be removed now is tried again
   * when the process ends.
   */
  @Override
  public void close() {
    if (Parts.isPart(part)) {
      out.close();
      Parts.removeNowOrLater(part);
    }
  }
}
