package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** A new file, written at any position and by any number of threads. */
public final class OutputFile implements Bytes {
  /** Written between two flushes. */
  private static final long FLUSH_BYTES = 32 << 20;

  private final Path shown; // what the user calls it, which it is not called yet
  private final FileChannel channel;
  private final AtomicLong unflushed = new AtomicLong();
  private final AtomicBoolean flushing = new AtomicBoolean();
  private final AtomicReference<@Nullable IOException> flushFailure = new AtomicReference<>();

  private OutputFile(Path shown, FileChannel channel) {
    this.shown = shown;
    this.channel = channel;
  }

  static OutputFile create(Path file, Path shown) throws IOException {
    FileChannel channel =
        FileChannel.open(
            file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE, StandardOpenOption.READ);
    Parts.tryLock(channel);
    return new OutputFile(shown, channel);
  }

  @Override
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
      throw failed(shown, e);
    }
  }

  /**
   * Has the disk keep what is written so far while more is computed, so that the end has little
   * left to wait for.
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
              // Linux tells of a failed write once: the end would not hear of it
              flushFailure.compareAndSet(null, e);
            } finally {
              flushing.set(false);
            }
          });
    }
  }

  /** Makes everything durable; nothing can be written after it. */
  void finish() throws IOException {
    channel.force(true);
    IOException failure = flushFailure.get();
    if (failure != null && !(failure instanceof ClosedChannelException)) {
      throw failure;
    }
    channel.close();
  }

  /** Releases the file, however far it has come. */
  void close() {
    try {
      channel.close();
    } catch (IOException ignored) {
      // it is about to be removed
    }
  }

  static PhialException exists(Object target) {
    return new PhialException.OutputFailed(
        target + " exists already; pass --force to replace it, or name another place");
  }

  static PhialException failed(Path target, IOException e) {
    if (e instanceof FileAlreadyExistsException && Files.exists(target)) {
      return exists(target);
    }
    return new PhialException.OutputFailed(
        "%s could not be written: %s; nothing was left behind".formatted(target, reason(e)), e);
  }

  /** In the system's words, without the name of the part file, which says nothing to a user. */
  static String reason(IOException e) {
    return switch (e) {
      case AccessDeniedException denied -> "permission denied";
      case FileAlreadyExistsException file -> file.getFile() + " is not a folder";
      case FileSystemException failure when failure.getReason() != null -> failure.getReason();
      default -> e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    };
  }
}
