package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryIteratorException;
import java.nio.file.DirectoryStream;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * A file that appears under its name only when it is complete: bytes go to a hidden {@code .part}
 * file beside it, which {@link #commit} flushes to disk and renames. Whatever happens before that,
 * the target name is untouched; a part file is removed on close and when the process is asked to
 * end. It survives only a kill -9 or a power cut, and then until the target is written again.
 *
 * <p>{@link #write} may be called by several threads.
 */
public final class AtomicFile implements AutoCloseable {
  /** Written between two flushes. */
  private static final long FLUSH_BYTES = 32 << 20;

  private static final Set<Path> PARTS = ConcurrentHashMap.newKeySet();

  static {
    Runtime.getRuntime().addShutdownHook(new Thread(AtomicFile::removeParts, "remove part files"));
  }

  private final Path target; // absolute
  private final Path folder;
  private final Path part;
  private final FileChannel channel;
  private final boolean replace;
  private final AtomicLong unflushed = new AtomicLong();
  private final AtomicBoolean flushing = new AtomicBoolean();
  private final AtomicReference<@Nullable IOException> flushFailure = new AtomicReference<>();

  private AtomicFile(Path target, Path folder, Path part, FileChannel channel, boolean replace) {
    this.target = target;
    this.folder = folder;
    this.part = part;
    this.channel = channel;
    this.replace = replace;
  }

  /**
   * Starts a file.
   *
   * @param replace whether an existing target may be replaced
   * @throws PhialException.OutputFailed if the target exists and may not be replaced, or the folder
   *     cannot be written
   */
  public static AtomicFile create(Path target, boolean replace) {
    Path absolute = target.toAbsolutePath();
    if (!replace && Files.exists(absolute)) {
      throw exists(target);
    }
    Path folder = absolute.getParent();
    if (folder == null) {
      throw new PhialException.OutputFailed(target + " is not a file name; pass -o with one");
    }
    Path part =
        absolute.resolveSibling(
            ".%s.%d-%s.part"
                .formatted(
                    absolute.getFileName(),
                    ProcessHandle.current().pid(),
                    Long.toHexString(System.nanoTime())));
    try {
      Files.createDirectories(folder);
      removeAbandoned(absolute, folder);
      PARTS.add(part);
      // locked before it has a name that another process would remove
      Path fresh = part.resolveSibling(part.getFileName() + ".new");
      FileChannel channel =
          FileChannel.open(
              fresh,
              StandardOpenOption.CREATE_NEW,
              StandardOpenOption.WRITE,
              StandardOpenOption.READ);
      tryLock(channel);
      Files.move(fresh, part, StandardCopyOption.ATOMIC_MOVE);
      return new AtomicFile(absolute, folder, part, channel, replace);
    } catch (IOException e) {
      PARTS.remove(part);
      throw failed(target, e);
    }
  }

  public Path target() {
    return target;
  }

  /** Writes all of {@code bytes} at byte {@code position}. */
  public void write(ByteBuffer bytes, long position) {
    long at = position;
    try {
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
      if (unflushed.addAndGet(at - position) > FLUSH_BYTES) {
        unflushed.set(0);
        flushInBackground();
      }
    } catch (IOException e) {
      throw failed(target, e);
    }
  }

  /**
   * Has the disk keep what is written so far while more is computed, so that commit has little left
   * to wait for.
   */
  private void flushInBackground() {
    if (flushing.compareAndSet(false, true)) {
      Thread.ofPlatform()
          .daemon()
          .name("flush")
          .start(() -> {
            try {
              channel.force(false);
            } catch (IOException e) {
              // Linux tells of a failed write once: commit would not hear of it
              flushFailure.compareAndSet(null, e);
            } finally {
              flushing.set(false);
            }
          });
    }
  }

  /** Makes the file durable, then visible under its name. */
  public void commit() {
    try {
      channel.force(true);
      IOException failure = flushFailure.get();
      if (failure != null && !(failure instanceof ClosedChannelException)) {
        throw failure;
      }
      channel.close();
      if (!replace && Files.exists(target)) {
        throw exists(target);
      }
      Files.move(part, target, StandardCopyOption.ATOMIC_MOVE, StandardCopyOption.REPLACE_EXISTING);
      PARTS.remove(part);
      flushFolder(folder);
    } catch (IOException e) {
      throw failed(target, e);
    }
  }

  /** Removes the part file, unless it has been committed. */
  @Override
  public void close() {
    if (!PARTS.remove(part)) {
      return;
    }
    try {
      channel.close();
      Files.deleteIfExists(part);
    } catch (IOException e) {
      throw new UncheckedIOException("could not remove " + part, e);
    }
  }

  /**
   * Makes the new name itself durable; folders cannot be flushed on Windows, which does it unasked.
   */
  private static void flushFolder(Path folder) {
    try (FileChannel channel = FileChannel.open(folder, StandardOpenOption.READ)) {
      channel.force(true);
    } catch (IOException ignored) {
      // the file itself is safe
    }
  }

  private static void removeParts() {
    for (Path part : PARTS) {
      try {
        Files.deleteIfExists(part);
      } catch (IOException ignored) {
        // the process is ending; a hidden part file is what is left
      }
    }
  }

  /**
   * Removes the part files of processes that were killed; those that live hold a lock on theirs.
   */
  private static void removeAbandoned(Path target, Path folder) {
    String start = ".%s.".formatted(target.getFileName());
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.part")) {
      for (Path file : files) {
        if (String.valueOf(file.getFileName()).startsWith(start) && !PARTS.contains(file)) {
          try (FileChannel channel = FileChannel.open(file, StandardOpenOption.WRITE)) {
            if (tryLock(channel)) {
              Files.delete(file);
            }
          }
        }
      }
    } catch (IOException | DirectoryIteratorException ignored) {
      // what is left behind harms nobody
    }
  }

  /** Takes the lock that goes with the process, however it ends; not every file system has one. */
  private static boolean tryLock(FileChannel channel) {
    try {
      return channel.tryLock() != null;
    } catch (IOException | OverlappingFileLockException e) {
      return false;
    }
  }

  private static PhialException exists(Path target) {
    return new PhialException.OutputFailed(
        target + " exists already; pass --force to replace it, or -o for another place");
  }

  private static PhialException failed(Path target, IOException e) {
    if (e instanceof FileAlreadyExistsException) {
      return exists(target);
    }
    return new PhialException.OutputFailed(
        "%s could not be written: %s; nothing was left behind".formatted(target, reason(e)), e);
  }

  /** In the system's words, without the name of the part file, which says nothing to a user. */
  private static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> "permission denied";
      case FileSystemException failure when failure.getReason() != null -> failure.getReason();
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
