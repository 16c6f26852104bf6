package dev.phial.engine.arrive;

import dev.phial.PhialException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.BitSet;

/**
 * A file of which only the chunks are here that were asked for; the rest are holes, which take no
 * room. One thread at a time.
 */
public final class ChunkedFile implements AutoCloseable {
  private static final int CHUNK = 1 << 20; // bytes

  private final Path path;
  private final long size;
  private final FileChannel channel;
  private final BitSet here = new BitSet();

  /**
   * Makes a file of holes.
   *
   * @param size in bytes
   */
  public ChunkedFile(Path path, long size) throws IOException {
    this.path = path;
    this.size = size;
    this.channel =
        FileChannel.open(
            path,
            StandardOpenOption.CREATE_NEW,
            StandardOpenOption.SPARSE,
            StandardOpenOption.READ,
            StandardOpenOption.WRITE);
    stretch();
  }

  /** To its size, which takes no room where files may have holes. */
  private void stretch() throws IOException {
    if (size > 0) {
      channel.write(ByteBuffer.wrap(new byte[1]), size - 1);
    }
  }

  /** Brings chunks by {@link ChunkedFile#keep}. */
  @FunctionalInterface
  public interface Source {
    /** Brings those from {@code first} to {@code end}. */
    void bring(int first, int end);
  }

  /** Has the chunks of some bytes brought that are not here. */
  public void need(long first, long end, Source source) {
    int last = chunksUpTo(end);
    int chunk = (int) (first / CHUNK);
    while ((chunk = here.nextClearBit(chunk)) < last) {
      int next = here.nextSetBit(chunk);
      source.bring(chunk, next < 0 ? last : Math.min(last, next));
    }
  }

  private static int chunksUpTo(long end) {
    return Math.toIntExact((end + CHUNK - 1) / CHUNK);
  }

  /** The number of chunks. */
  public int chunks() {
    return chunksUpTo(size);
  }

  /** The first byte of a chunk, or the end of the file. */
  public long start(int chunk) {
    return Math.min(size, (long) chunk * CHUNK);
  }

  /** The number of bytes of a chunk. */
  public int length(int chunk) {
    return (int) (start(chunk + 1) - start(chunk));
  }

  /** Writes a chunk. */
  public void keep(int chunk, byte[] bytes) {
    try {
      channel.write(ByteBuffer.wrap(bytes), start(chunk));
    } catch (IOException e) {
      throw unkept(e);
    }
    here.set(chunk);
  }

  /** Reads a chunk that is here. */
  public byte[] read(int chunk) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length(chunk));
    while (buffer.hasRemaining()) {
      if (channel.read(buffer, start(chunk) + buffer.position()) < 0) {
        throw new IOException("it became shorter");
      }
    }
    return buffer.array();
  }

  /** For all that comes in one go. */
  public FileChannel channel() {
    return channel;
  }

  /** Lets go of what is here; where a mapped file cannot be cut, it stays. */
  public void release() {
    here.clear();
    try {
      channel.truncate(0);
      stretch();
    } catch (IOException e) {
      here.set(0, chunks());
    }
  }

  /** What to throw where something that came cannot be written. */
  public PhialException unkept(IOException e) {
    return new PhialException.OutputFailed(
        "%s: what arrives of it cannot be kept: %s; make room, or set XDG_CACHE_HOME to a folder on another disk"
            .formatted(path, e.getMessage()),
        e);
  }

  @Override
  public void close() {
    try {
      channel.close();
    } catch (IOException e) {
      // the folder goes, and the file with it
    }
  }
}
