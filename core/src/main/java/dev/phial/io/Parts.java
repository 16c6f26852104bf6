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
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Unfinished outputs: hidden files and folders beside the place where they will appear, called
 * {@code .NAME.PROCESS-TIME.part}. They are removed when the process is asked to end. They survive
 * only a kill -9 or a power cut, and then until the target is written again.
 *
 * <p>A folder that is about to be replaced is called {@code .old} instead for an instant, where it
 * and the new one cannot swap their names. It is complete, and comes back if nothing took its
 * place.
 */
final class Parts {
  /**
   * Between its making and its first lock, and between its last file and its name, a part is free.
   */
  private static final Duration YOUNG = Duration.ofHours(1);

  private static final String PART = ".part";
  private static final String OLD = ".old";

  /** The process that writes a part is in its name. */
  private static final Pattern NAME = Pattern.compile("\\.([0-9]{1,18})-[0-9a-f]+\\.(part|old)$");

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
    tidy(target);
    Path part = newName(target, PART);
    PARTS.add(part);
    return part;
  }

  private static Path newName(Path target, String end) {
    return target.resolveSibling(
        "%s%d-%s%s"
            .formatted(
                start(target),
                ProcessHandle.current().pid(),
                Long.toHexString(System.nanoTime()),
                end));
  }

  private static String start(Path target) {
    return HiddenName.start(String.valueOf(target.getFileName()));
  }

  /** Whether it is a part of this process that has not become something else. */
  static boolean isPart(Path part) {
    return PARTS.contains(part);
  }

  /** The part has become something else. */
  static void forget(Path part) {
    PARTS.remove(part);
  }

  /** Moves what is in a part to a new folder beside it, which is none. */
  static Path keep(Path part, List<Path> what) throws IOException {
    Path kept = Files.createTempDirectory(part.resolveSibling(""), "kept-");
    for (Path one : what) {
      Files.move(one, kept.resolve(String.valueOf(one.getFileName())));
    }
    return kept;
  }

  /** Removes a part, or has it removed when the process ends. */
  static void removeNowOrLater(Path part) {
    try {
      remove(part);
      forget(part);
    } catch (IOException ignored) {
      // most likely there are too many open files; at the end there are none
    }
  }

  /** Removes a file, or a folder and all that is in it. */
  private static void remove(Path part) throws IOException {
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
   * Gives a complete folder its name, in the place of what is called so. At any instant the name
   * belongs to one of them, or, where the file system cannot swap names, {@link #tidy} gives it
   * back.
   */
  static void placeFolder(Path part, Path target) throws IOException {
    synchronized (PARTS) { // whoever ends the process must not find half of it done
      if (!Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
        forget(part);
      } else if (!Exchange.swap(part, target)) {
        placeInTwoSteps(part, target);
      }
    }
    flushFolderOf(target);
    if (isPart(part)) {
      removeNowOrLater(part); // the old one now
    }
  }

  /** Afterwards the part is the old folder, as after a swap. */
  static void placeInTwoSteps(Path part, Path target) throws IOException {
    Path old = newName(target, OLD);
    Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    try {
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      throw e;
    }
    flushFolderOf(target);
    Files.move(old, part, StandardCopyOption.ATOMIC_MOVE);
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

  /**
   * Removes what killed processes left of a target; those that live hold locks on their parts. A
   * folder whose process was killed after it had taken the name and before it had given it to
   * another gets the name back.
   */
  static void tidy(Path target) {
    Path folder = target.getParent();
    if (folder == null || target.getFileName() == null || !Files.isDirectory(folder)) {
      return;
    }
    String start = start(target);
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(
            folder,
            entry -> {
              String name = String.valueOf(entry.getFileName());
              return name.startsWith(start)
                  && NAME.matcher(name.substring(start.length() - 1)).matches();
            })) {
      for (Path left : entries) {
        tidy(left, target);
      }
    } catch (IOException | DirectoryIteratorException ignored) {
      // what is left behind harms nobody
    }
  }

  private static void tidy(Path left, Path target) {
    try {
      if (PARTS.contains(left) || isRecent(left) && isOfALivingProcess(left)) {
        return;
      }
      boolean isOld = left.toString().endsWith(OLD);
      if (isOld && !Files.exists(target, LinkOption.NOFOLLOW_LINKS)) {
        Files.move(left, target, StandardCopyOption.ATOMIC_MOVE);
      } else if (isOld) {
        Path part = newName(target, PART); // half removed, it must not come back
        Files.move(left, part, StandardCopyOption.ATOMIC_MOVE);
        remove(part);
      } else if (isUnlocked(left)) {
        remove(left);
      }
    } catch (IOException ignored) {
      // neither does this one
    }
  }

  /** Whether somebody may be just about to lock it. */
  private static boolean isRecent(Path left) throws IOException {
    return Files.getLastModifiedTime(left, LinkOption.NOFOLLOW_LINKS)
        .toInstant()
        .isAfter(Instant.now().minus(YOUNG));
  }

  /** Whether nobody holds a lock on a file, or on one in a folder. */
  private static boolean isUnlocked(Path part) throws IOException {
    if (Files.isDirectory(part, LinkOption.NOFOLLOW_LINKS)) {
      try (Stream<Path> files = Files.list(part)) {
        for (Path file : files.toList()) {
          if (!isUnlocked(file)) {
            return false;
          }
        }
      }
    } else if (Files.isRegularFile(part, LinkOption.NOFOLLOW_LINKS)) { // a pipe would wait
      try (FileChannel channel = FileChannel.open(part, StandardOpenOption.WRITE)) {
        return tryLock(channel);
      }
    }
    return true;
  }

  /** A file whose lock tells for how long the folder it is in is needed. */
  static FileChannel lockIn(Path folder) throws IOException {
    FileChannel channel =
        FileChannel.open(
            folder.resolve(".lock"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    tryLock(channel);
    return channel;
  }

  private static boolean isOfALivingProcess(Path part) {
    Matcher name = NAME.matcher(part.toString());
    return name.find()
        && ProcessHandle.of(Long.parseLong(name.group(1)))
            .map(ProcessHandle::isAlive)
            .orElse(false);
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
    synchronized (PARTS) {
      for (Path part : PARTS) {
        try {
          remove(part);
        } catch (IOException ignored) {
          // the process is ending; a hidden part is what is left
        }
      }
    }
  }
}
