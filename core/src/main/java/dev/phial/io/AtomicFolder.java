package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
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
   * @throws PhialException.OutputFailed if the target exists and may not be replaced, is no folder
   *     that an export could have made, or the place cannot be written
   */
  public static AtomicFolder create(Path target, boolean replace) {
    Path absolute = target.toAbsolutePath().normalize();
    if (!replace && Files.exists(absolute, LinkOption.NOFOLLOW_LINKS)) {
      throw OutputFile.exists(target);
    }
    checkReplaceable(absolute, target);
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
   * Replacing a folder removes what is in it, so a slip of the hand must not name a home folder:
   * what exists must be empty, or hold plain files and among them what every exporter writes.
   */
  private static void checkReplaceable(Path target, Path shown) {
    if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
      return;
    }
    if (!Files.isDirectory(target, LinkOption.NOFOLLOW_LINKS)) {
      throw new PhialException.OutputFailed(
          shown
              + ": expected a folder to replace, found something else; pass -o for another place");
    }
    try (Stream<Path> entries = Files.list(target)) {
      List<Path> found = entries.toList();
      boolean isExport =
          found.stream().allMatch(Files::isRegularFile)
              && found.stream().anyMatch(file -> file.getFileName().toString().endsWith(".json"));
      if (!found.isEmpty() && !isExport) {
        throw new PhialException.OutputFailed(
            shown
                + ": expected a folder that holds an exported model and nothing else, found other things; they would be lost, so remove it yourself or pass -o for another place");
      }
    } catch (IOException e) {
      throw OutputFile.failed(shown, e);
    }
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

  /** Writes a whole file. */
  public void write(String name, byte[] bytes) {
    file(name).write(ByteBuffer.wrap(bytes), 0);
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
   * Makes the folder durable, then visible under its name. What it replaces is moved aside until
   * then, and comes back if that fails.
   */
  public void commit() {
    try {
      for (OutputFile file : files.values()) {
        file.finish();
      }
      flush(part);
      if (Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        if (!replace) {
          throw OutputFile.exists(shown);
        }
        replace();
      } else {
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
      }
      Parts.forget(part);
      Parts.flushFolderOf(target);
    } catch (IOException e) {
      throw OutputFile.failed(shown, e);
    }
  }

  private void replace() throws IOException {
    checkReplaceable(target, shown);
    Path old = Parts.beside(target);
    Parts.forget(old); // not to be lost if the process is asked to end just now
    Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      throw e;
    }
    Parts.flushFolderOf(target);
    Parts.remove(old);
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

  /** Removes the hidden folder, unless it has been committed. */
  @Override
  public void close() {
    if (!Parts.forget(part)) {
      return;
    }
    try {
      for (OutputFile file : files.values()) {
        file.close();
      }
      Parts.remove(part);
    } catch (IOException e) {
      throw new UncheckedIOException("could not remove " + part, e);
    }
  }
}
