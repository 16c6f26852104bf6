package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Unfinished outputs: hidden files and folders beside the place where they will appear. They are
 * removed when the process is asked to end, and survive only a kill -9 or a power cut.
 */
final class Parts {
  private static final Set<Path> PARTS = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(Parts::removeAll, "remove part files"));
  }

  private Parts() {}

  /** A name that nobody else uses, in the folder of {@code target}, which is made if need be. */
  static Path beside(Path target) throws IOException {
    Path folder = target.getParent();
    Path name = target.getFileName();
    if (folder == null || name == null) {
      throw new PhialException.OutputFailed(target + " has no name; pass -o with one");
    }
    Files.createDirectories(folder);
    Path part =
        folder.resolve(
            ".%s.%d-%s.part"
                .formatted(
                    name, ProcessHandle.current().pid(), Long.toHexString(System.nanoTime())));
    PARTS.add(part);
    return part;
  }

  /** The part has become something else; whether it was one. */
  static boolean forget(Path part) {
    return PARTS.remove(part);
  }

  /** Removes a file, or a folder and all that is in it. */
  static void remove(Path part) throws IOException {
    try {
      Files.walkFileTree(
          part,
          new SimpleFileVisitor<>() {
            @Override
            public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
                throws IOException {
              Files.deleteIfExists(file);
              return FileVisitResult.CONTINUE;
            }

            @Override
            public FileVisitResult postVisitDirectory(Path folder, @Nullable IOException e)
                throws IOException {
              Files.deleteIfExists(folder);
              return FileVisitResult.CONTINUE;
            }
          });
    } catch (NoSuchFileException e) {
      // nothing to remove
    }
  }

  /**
   * Makes the names in a folder durable; folders cannot be flushed on Windows, which does it
   * unasked.
   */
  static void flushFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException ignored) {
      // the files themselves are safe
    }
  }

  /** Makes the name of {@code path} itself durable. */
  static void flushFolderOf(Path path) {
    Path folder = path.getParent();
    if (folder != null) {
      flushFolder(folder);
    }
  }

  private static void removeAll() {
    for (Path part : PARTS) {
      try {
        remove(part);
      } catch (IOException ignored) {
        // the process is ending; a hidden part is what is left
      }
    }
  }
}
