package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A folder that appears under its name only when it is complete: files are written into a hidden
 * folder beside it, which {@link #commit} flushes to disk and renames. Whatever happens before
 * that, nothing is called by the target name, or what was called so still is.
 */
public final class AtomicFolder implements AutoCloseable {
  private final Path target; // absolute
  private final Path shown; // the target as the user spelled it
  private final Path part;
  private final boolean replace;
  private final Map<String, OutputFile> files = new LinkedHashMap<>();

  private AtomicFolder(Path target, Path shown, Path part, boolean replace) {
    this.target = target;
    this.shown = shown;
    this.part = part;
    this.replace = replace;
  }

  /**
   * Starts a folder.
   *
   * @param replace whether an existing target may be replaced, with all that is in it
   * @throws PhialException.OutputFailed if the target may not be replaced, or the place cannot be
   *     written
   */
  public static AtomicFolder create(Path target, boolean replace) {
    check(target, replace);
    Path absolute = absolute(target);
    try {
      Path part = Parts.beside(absolute);
      try {
        Files.createDirectory(part);
        return new AtomicFolder(absolute, target, part, replace);
      } catch (IOException e) {
        Parts.forget(part);
        throw e;
      }
    } catch (IOException e) {
      throw OutputFile.failed(target, e);
    }
  }

  /**
   * Tells whether a folder could be made at a place, as far as can be seen without making it.
   *
   * @throws PhialException.OutputFailed if it could not
   */
  public static void check(Path target, boolean replace) {
    Path absolute = absolute(target);
    Parts.tidy(absolute);
    Place found = Place.of(absolute, target);
    try {
      found.checkFolder(
          target, replace, found == Place.FOLDER ? ModelFiles.foreign(absolute) : Optional.empty());
    } catch (IOException e) {
      throw OutputFile.failed(target, e);
    }
  }

  private static Path absolute(Path target) {
    return target.toAbsolutePath().normalize();
  }

  /** The hidden folder, for whoever writes files in it by other means than {@link #file}. */
  public Path path() {
    return part;
  }

  /** Starts a file of the folder, to be written at any position and by any number of threads. */
  public OutputFile file(String name) {
    try {
      OutputFile file = OutputFile.create(part.resolve(name), shown.resolve(name));
      files.put(name, file);
      return file;
    } catch (IOException e) {
      throw OutputFile.failed(shown.resolve(name), e);
    }
  }

  /** Writes a whole file, which takes no descriptor afterwards. */
  public void write(String name, byte[] bytes) {
    try {
      OutputFile file = OutputFile.create(part.resolve(name), shown.resolve(name));
      try {
        file.write(ByteBuffer.wrap(bytes), 0);
      } finally {
        file.close(); // commit flushes it
      }
    } catch (IOException e) {
      throw OutputFile.failed(shown.resolve(name), e);
    }
  }

  /** Copies a file under its own name; not its times or permissions. */
  public void copy(Path source) {
    Path name = source.getFileName();
    try {
      Files.copy(source, part.resolve(name));
    } catch (IOException e) {
      throw OutputFile.failed(shown.resolve(name), e);
    }
  }

  /**
   * Makes the folder durable, then visible under its name, in the place of what was called so
   * before.
   */
  public void commit() {
    try {
      for (OutputFile file : files.values()) {
        file.finish();
      }
      flush(part);
      check(shown, replace);
      Parts.placeFolder(part, target);
    } catch (IOException e) {
      throw OutputFile.failed(shown, e);
    }
  }

  /** Makes durable whatever lies in a folder. */
  private static void flush(Path folder) throws IOException {
    Files.walkFileTree(
        folder,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
              channel.force(true);
            }
            return FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult postVisitDirectory(Path visited, @Nullable IOException e) {
            Parts.flushFolder(visited);
            return FileVisitResult.CONTINUE;
          }
        });
  }

  /**
   * Removes the hidden folder, unless it has been committed; what cannot be removed now is tried
   * again when the process ends.
   */
  @Override
  public void close() {
    if (Parts.isPart(part)) {
      files.values().forEach(OutputFile::close);
      Parts.removeNowOrLater(part);
    }
  }
}
