package dev.phial.spark;

import dev.phial.PhialException;
import dev.phial.engine.arrive.ChunkedFile;
import dev.phial.engine.arrive.Shard;
import dev.phial.source.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import org.apache.hadoop.fs.FSDataInputStream;
import org.apache.hadoop.fs.FileSystem;
import org.apache.hadoop.fs.Path;

/**
 * A file of weights in a file system that Hadoop knows; what is asked for is read by itself. A
 * thread of its own reads, since Spark interrupts the threads of tasks that it wants no more, and
 * that would close the files under the others.
 */
final class HadoopShard implements Shard {
  private final FileSystem files;
  private final Path path;
  private final ChunkedFile chunks;
  private final FSDataInputStream in;
  private final ExecutorService reader =
      Executors.newSingleThreadExecutor(
          work -> Thread.ofPlatform().daemon().name("phial-arrival").unstarted(work));

  /**
   * @param to where what is read is kept
   */
  HadoopShard(FileSystem files, Path path, java.nio.file.Path to, long size) throws IOException {
    this.files = files;
    this.path = path;
    this.chunks = new ChunkedFile(to, size);
    this.in = open();
  }

  private FSDataInputStream open() {
    try {
      return files.open(path);
    } catch (IOException e) {
      throw HadoopFolder.unreadable(path, e);
    }
  }

  @Override
  public void need(long first, long end) {
    try {
      reader.submit(() -> chunks.need(first, end, this::bring)).get();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; nothing was written");
    } catch (ExecutionException e) {
      throw e.getCause() instanceof PhialException known ? known : new IllegalStateException(e);
    }
  }

  private void bring(int first, int end) {
    try {
      for (int chunk = first; chunk < end; chunk++) {
        byte[] bytes = new byte[chunks.length(chunk)];
        in.readFully(chunks.start(chunk), bytes);
        chunks.keep(chunk, bytes);
      }
    } catch (IOException e) {
      throw HadoopFolder.unreadable(path, e);
    }
  }

  /** Reads all of it, and keeps nothing. */
  @Override
  public String sha256() {
    try (InputStream all = open()) {
      return Sha256.of(all);
    } catch (IOException e) {
      throw HadoopFolder.unreadable(path, e);
    }
  }

  @Override
  public void close() {
    reader.shutdownNow();
    try {
      in.close();
    } catch (IOException e) {
      // nothing was written to it
    }
    chunks.close();
  }
}
