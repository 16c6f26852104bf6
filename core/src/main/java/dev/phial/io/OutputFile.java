package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;

/** A new file, written at any position and by any number of threads. */
public final class OutputFile {
  private final Path shown; // what the user calls it, which it is not called yet
  private final FileChannel channel;

  private OutputFile(Path shown, FileChannel channel) {
    this.shown = shown;
    this.channel = channel;
  }

  static OutputFile create(Path file, Path shown) throws IOException {
    return new OutputFile(
        shown,
        FileChannel.open(
            file,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.WRITE,
            StandardOpenOption.READ));
  }

  /** Writes all of {@code bytes} at byte {@code position}. */
  public void write(ByteBuffer bytes, long position) {
    long at = position;
    try {
      while (bytes.hasRemaining()) {
        at += channel.write(bytes, at);
      }
    } catch (IOException e) {
      throw failed(shown, e);
    }
  }

  /**
   * Asks the disk to keep what is written so far; called while more is computed, it spreads the
   * cost of the end.
   */
  public void flush() {
    try {
      channel.force(false);
    } catch (IOException e) {
      throw failed(shown, e);
    }
  }

  /** Makes everything durable; nothing can be written after it. */
  void finish() throws IOException {
    channel.force(true);
    channel.close();
  }

  /** Releases the file, however far it has come. */
  void close() throws IOException {
    channel.close();
  }

  static PhialException exists(Path target) {
    return new PhialException.OutputFailed(
        target + " exists already; pass --force to replace it, or -o for another place");
  }

  static PhialException failed(Path target, IOException e) {
    if (e instanceof FileAlreadyExistsException) {
      return exists(target);
    }
    String reason = e.getMessage() == null ? e.getClass().getSimpleName() : e.getMessage();
    return new PhialException.OutputFailed(
        "%s could not be written: %s; nothing was left behind".formatted(target, reason), e);
  }
}
