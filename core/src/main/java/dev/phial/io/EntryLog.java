package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayDeque;
import java.util.Optional;
import java.util.Queue;
import java.util.zip.CRC32;
import org.jspecify.annotations.Nullable;

/**
 * Results of long work, one after the other in a file, so that the same work goes on after the last
 * one that is complete there. One process at a time has it.
 *
 * <p>An entry is its length (8 bytes), that many bytes, and the CRC-32 of both (8 bytes), all in
 * little endian. What a killed process or a full disk left of an entry is overwritten by the next.
 */
public final class EntryLog implements AutoCloseable {
  private static final int FRAME = 2 * Long.BYTES;

  private final Path file;
  private final FileChannel channel;
  private final Queue<Entry> found = new ArrayDeque<>();
  private long end;
  private int added;

  private record Entry(long at, int length) {}

  private EntryLog(Path file, FileChannel channel) {
    this.file = file;
    this.channel = channel;
  }

  /**
   * Opens the one that is there, or begins it.
   *
   * @throws PhialException.OutputFailed if it cannot be written, or another process has it
   */
  public static EntryLog open(Path file) {
    FileChannel channel = null;
    try {
      Files.createDirectories(file.toAbsolutePath().getParent());
      channel =
          FileChannel.open(
              file,
              StandardOpenOption.CREATE,
              StandardOpenOption.READ,
              StandardOpenOption.WRITE,
              LinkOption.NOFOLLOW_LINKS);
      if (!Parts.tryLock(channel)) {
        throw new PhialException.OutputFailed(
            file
                + ": expected to be alone with it, found that another process has it; wait for that");
      }
      EntryLog log = new EntryLog(file, channel);
      log.find();
      return log;
    } catch (IOException e) {
      close(channel);
      throw OutputFile.failed(file, e);
    } catch (PhialException e) {
      close(channel);
      throw e;
    }
  }

  /** Finds the entries that are complete. */
  private void find() throws IOException {
    byte[] chunk = new byte[1 << 20];
    ByteBuffer frame = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    long size = channel.size();
    while (size - end >= FRAME) {
      read(frame.clear(), end);
      long length = frame.getLong(0);
      if (length < 0 || length > Integer.MAX_VALUE || length > size - end - FRAME) {
        return;
      }
      CRC32 sum = new CRC32();
      sum.update(frame.array());
      long at = end + Long.BYTES;
      for (long left = length; left > 0; ) {
        int count = (int) Math.min(left, chunk.length);
        read(ByteBuffer.wrap(chunk, 0, count), at + length - left);
        sum.update(chunk, 0, count);
        left -= count;
      }
      read(frame.clear(), at + length);
      if (frame.getLong(0) != sum.getValue()) {
        return;
      }
      found.add(new Entry(at, (int) length));
      end = at + length + Long.BYTES;
      added++;
    }
  }

  private void read(ByteBuffer bytes, long position) throws IOException {
    for (long at = position; bytes.hasRemaining(); ) {
      int count = channel.read(bytes, at);
      if (count < 0) {
        throw new IOException("it became shorter while it was read");
      }
      at += count;
    }
  }

  /**
   * Takes the next entry of work before, if there is one.
   *
   * @throws PhialException.BadInput if it cannot be read any more
   */
  public Optional<byte[]> take() {
    Entry entry = found.poll();
    if (entry == null) {
      return Optional.empty();
    }
    byte[] bytes = new byte[entry.length];
    try {
      read(ByteBuffer.wrap(bytes), entry.at);
    } catch (IOException e) {
      throw new PhialException.BadInput(
          "%s could not be read: %s; remove it to begin anew".formatted(file, OutputFile.reason(e)),
          e);
    }
    return Optional.of(bytes);
  }

  /**
   * Adds an entry, which is on the disk when this returns.
   *
   * @throws PhialException.OutputFailed if the disk does not take it
   */
  public void add(byte[] entry) {
    ByteBuffer frame = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    CRC32 sum = new CRC32();
    frame.putLong(0, entry.length);
    sum.update(frame.array());
    sum.update(entry);
    try {
      write(frame, end);
      write(ByteBuffer.wrap(entry), end + Long.BYTES);
      write(frame.clear().putLong(0, sum.getValue()), end + Long.BYTES + entry.length);
      end += FRAME + entry.length;
      channel.truncate(end);
      channel.force(false);
      added++;
    } catch (IOException e) {
      throw new PhialException.OutputFailed(
          "%s could not be written: %s; once there is room, the same command goes on after %d entries"
              .formatted(file, OutputFile.reason(e), added),
          e);
    }
  }

  private void write(ByteBuffer bytes, long position) throws IOException {
    for (long at = position; bytes.hasRemaining(); ) {
      at += channel.write(bytes, at);
    }
  }

  /** Removes the file: the work is done. */
  public void remove() {
    close();
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      // whoever made the folder may remove it
    }
  }

  @Override
  public void close() {
    close(channel);
  }

  private static void close(@Nullable FileChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      // everything that was added is on the disk
    }
  }
}
