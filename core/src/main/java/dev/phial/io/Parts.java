package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Unfinished outputs: hidden files and folders beside the place where they will appear. They are
 * removed when the process is asked to end. They survive only a kill -9 or a power cut, and then
 * until the target is written again.
 */
final class Parts {
  /**
   * Between its making and its first lock, and between its last file and its name, a part is free.
   */
  private static final Duration YOUNG = Duration.ofHours(1);

  /** The process that writes a part is in its name. */
  private static final Pattern NAME = Pattern.compile("\\.([0-9]{1,18})-[0-9a-f]+\\.part$");

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
    removeAbandoned(folder, ".%s.".formatted(name));
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

  /** Removes the parts of processes that were killed; those that live hold locks on theirs. */
  private static void removeAbandoned(Path folder, String start) {
    try (DirectoryStream<Path> parts = Files.newDirectoryStream(folder, "*.part")) {
      for (Path part : parts) {
        if (String.valueOf(part.getFileName()).startsWith(start)
            && !PARTS.contains(part)
            && isAbandoned(part)) {
          remove(part);
        }
      }
    } catch (IOException | DirectoryIteratorException ignored) {
      // what is left behind harms nobody
    }
  }

  /** Whether nobody holds a lock on it, and nobody is just about to take one. */
  private static boolean isAbandoned(Path part) throws IOException {
    boolean young = Files.getLastModifiedTime(part).toInstant().isAfter(Instant.now().minus(YOUNG));
    if (young && isOfALivingProcess(part)) {
      return false;
    }
    if (!Files.isDirectory(part, LinkOption.NOFOLLOW_LINKS)) {
      return isUnlocked(part);
    }
    try (Stream<Path> files = Files.list(part)) {
      for (Path file : files.toList()) {
        if (!isUnlocked(file)) {
          return false;
        }
      }
    }
    return true;
  }

  private static boolean isOfALivingProcess(Path part) {
    Matcher name = NAME.matcher(part.toString());
    return name.find()
        && ProcessHandle.of(Long.parseLong(name.group(1)))
            .map(ProcessHandle::isAlive)
            .orElse(false);
  }

  private static boolean isUnlocked(Path file) throws IOException {
    try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
      return tryLock(channel);
    }
  }

  /** Takes the lock that goes with the process, however it ends; not every file system has one. */
  static boolean tryLock(FileChannel channel) {
    try {
      return channel.tryLock() != null;
    } catch (IOException | OverlappingFileLockException e) {
      return false;
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
