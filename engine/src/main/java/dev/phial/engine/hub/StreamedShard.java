package dev.phial.engine.hub;

import dev.phial.PhialException;
import dev.phial.io.Progress;
import dev.phial.tensor.Arrival;
import java.io.IOException;
import java.io.InputStream;
import java.lang.foreign.MemorySegment;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.BitSet;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A file of weights of which only those bytes are here that are needed now. Before it is begun and
 * after it is finished, what is asked for is fetched by itself, in chunks; in between all of it
 * comes, and whoever asks for bytes waits until they are there. The hash of the whole is that of
 * the hub, and a chunk that came before or comes again must be what it was in the whole.
 */
final class StreamedShard implements Arrival, AutoCloseable {
  private static final int CHUNK = 1 << 20; // bytes
  private static final long LARGEST_HEADER = 16 << 20;

  private final HubClient client;
  private final Repository repository;
  private final RemoteFile file;
  private final Path path;
  private final FileChannel channel;
  private final byte[][] hashes; // of the chunks, when they are known
  private final BitSet here = new BitSet(); // chunks
  private @Nullable MemorySegment mapped;
  private @Nullable Thread download;
  private @Nullable Throwable failure;
  private long arrived; // of the whole; it only grows
  private long compared; // of the pass that the download is in
  private boolean isComplete;

  StreamedShard(HubClient client, Repository repository, RemoteFile file, Path path)
      throws IOException {
    this.client = client;
    this.repository = repository;
    this.file = file;
    this.path = path;
    this.hashes = new byte[Math.toIntExact((file.size() + CHUNK - 1) / CHUNK)][];
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
    if (file.size() > 0) {
      channel.write(ByteBuffer.wrap(new byte[1]), file.size() - 1);
    }
  }

  String sha256() {
    return file.sha256()
        .orElseThrow(() ->
            new PhialException.Unsupported(
                "%s/%s: expected weights kept by Git LFS or Xet, found them in git; pull the model first"
                    .formatted(repository.id().model(), file.path())));
  }

  /** Brings what says where the tensors are. */
  void fetchHeader() throws IOException {
    sha256();
    ByteBuffer length = ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN);
    need(0, Math.min(file.size(), length.capacity()));
    channel.read(length, 0);
    long header = length.getLong(0);
    if (header > 0 && header <= LARGEST_HEADER) { // what reads it says what is wrong otherwise
      need(0, Math.min(file.size(), length.capacity() + header));
    }
  }

  StreamedShard mappedTo(MemorySegment all) {
    mapped = all;
    return this;
  }

  @Override
  public void await(MemorySegment data) {
    MemorySegment all = mapped;
    if (all == null) {
      throw new IllegalStateException(path + " is not mapped");
    }
    long first = data.address() - all.address();
    try {
      need(first, first + data.byteSize());
    } catch (IOException e) {
      throw unkept(e);
    }
  }

  private PhialException unkept(IOException e) {
    return new PhialException.OutputFailed(
        "%s: what arrives of it cannot be kept: %s; make room, or set XDG_CACHE_HOME to a folder on another disk"
            .formatted(path, e.getMessage()),
        e);
  }

  private synchronized void need(long first, long end) throws IOException {
    while (download != null && arrived < end) {
      if (failure != null) {
        throw failed();
      }
      try {
        wait();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new PhialException.OutputFailed("interrupted; nothing was written");
      }
    }
    if (download != null) {
      return;
    }
    int last = (int) ((end + CHUNK - 1) / CHUNK);
    int chunk = (int) (first / CHUNK);
    while ((chunk = here.nextClearBit(chunk)) < last) {
      int next = here.nextSetBit(chunk);
      fetch(chunk, next < 0 ? last : Math.min(last, next));
    }
  }

  private PhialException failed() {
    return switch (failure) {
      case PhialException known -> known;
      case Error error -> throw error;
      case null, default -> new PhialException.BadInput(path + ": it did not arrive");
    };
  }

  /** Brings some chunks by themselves. */
  private void fetch(int firstChunk, int endChunk) {
    long first = (long) firstChunk * CHUNK;
    long end = Math.min(file.size(), (long) endChunk * CHUNK);
    String what = "%s/%s".formatted(repository.id().model(), file.path());
    client.retrying(
        what,
        HubClient.TRIES,
        () -> {
          HttpResponse<InputStream> response =
              client.open(repository.id(), repository.commit(), file, first, end, Optional.empty());
          try (InputStream body = new Watched(response.body(), client.patience().silence())) {
            boolean isPart =
                HubClient.header(response, "Content-Range")
                    .orElse("")
                    .startsWith("bytes " + first + "-");
            if (!isPart && (first > 0 || response.statusCode() != 200)) {
              throw new PhialException.Unsupported(
                  "%s: expected %s to send parts of a file, found that it does not; pull the model first"
                      .formatted(what, client.settings().endpoint()));
            }
            for (int chunk = firstChunk; chunk < endChunk; chunk++) {
              keep(chunk, body);
            }
          }
          return true;
        });
  }

  private void keep(int chunk, InputStream body) throws IOException {
    long at = (long) chunk * CHUNK;
    int size = (int) Math.min(CHUNK, file.size() - at);
    byte[] bytes = body.readNBytes(size);
    if (bytes.length < size) {
      throw new IOException("it ended after %d of %d bytes".formatted(bytes.length, size));
    }
    compare(chunk, bytes);
    try {
      channel.write(ByteBuffer.wrap(bytes), at);
    } catch (IOException e) {
      throw unkept(e);
    }
    here.set(chunk);
  }

  /** A chunk must be what it was before. */
  private void compare(int chunk, byte[] bytes) {
    byte[] hash = sha256(bytes);
    if (hashes[chunk] == null) {
      hashes[chunk] = hash;
    } else if (!Arrays.equals(hashes[chunk], hash)) {
      throw new PhialException.BadInput(
          "%s/%s: expected the bytes that %s sent before, found others at %d; try again"
              .formatted(
                  repository.id().model(),
                  file.path(),
                  client.settings().endpoint(),
                  (long) chunk * CHUNK));
    }
  }

  private static byte[] sha256(byte[] bytes) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(bytes);
    } catch (NoSuchAlgorithmException e) {
      throw new AssertionError("every Java has SHA-256", e);
    }
  }

  /** Has all of it come. */
  synchronized void begin() {
    if (download == null) {
      arrived = 0;
      compared = 0;
      isComplete = false;
      download = Thread.ofPlatform().daemon().name("phial-arrival").start(this::download);
    }
  }

  private void download() {
    Progress.Stage quiet = (what, amount) -> {};
    try {
      new Download(
              client, repository.id(), repository.commit(), file, channel, quiet, this::arrivedUpTo)
          .run(0);
      synchronized (this) {
        isComplete = true;
        notifyAll();
      }
    } catch (Throwable e) {
      synchronized (this) {
        failure = e instanceof IOException io ? unkept(io) : e;
        notifyAll();
      }
    }
  }

  /** Looks at every chunk, once more where the download had to start over. */
  private void arrivedUpTo(long at) {
    if (at < compared) {
      compared = 0;
    }
    try {
      for (long chunk = compared / CHUNK; chunk < hashes.length; chunk++) {
        long end = Math.min(file.size(), (chunk + 1) * CHUNK);
        if (end > at) {
          break;
        }
        byte[] bytes = new byte[(int) (end - chunk * CHUNK)];
        ByteBuffer buffer = ByteBuffer.wrap(bytes);
        while (buffer.hasRemaining()) {
          if (channel.read(buffer, chunk * CHUNK + buffer.position()) < 0) {
            throw new IOException("it became shorter");
          }
        }
        compare((int) chunk, bytes);
        compared = end;
        synchronized (this) {
          arrived = Math.max(arrived, end);
          notifyAll();
        }
      }
    } catch (IOException e) {
      throw unkept(e);
    }
  }

  /** Waits until all of it has come and is right, and lets go of it. */
  synchronized void finish() {
    try {
      while (!isComplete) {
        if (failure != null) {
          throw failed();
        }
        wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; nothing was written");
    }
    download = null;
    here.clear();
    try {
      channel.truncate(0);
      stretch();
    } catch (IOException e) {
      here.set(0, hashes.length); // where a mapped file cannot be cut, its bytes stay
    }
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
