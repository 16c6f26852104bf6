package dev.phial.engine.hub;

import dev.phial.PhialException;
import dev.phial.engine.arrive.ChunkedFile;
import dev.phial.engine.arrive.Shard;
import dev.phial.io.Progress;
import dev.phial.source.Sha256;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A file of weights of which only those bytes are here that are needed now. Before it is begun and
 * after it is finished, what is asked for is fetched by itself, in chunks; in between all of it
 * comes, and whoever asks for bytes waits until they are there. The hash of the whole is that of
 * the hub, and a chunk that came before or comes again must be what it was in the whole.
 */
final class StreamedShard implements Shard {
  private final HubClient client;
  private final Repository repository;
  private final RemoteFile file;
  private final String sha256;
  private final ChunkedFile chunks;
  private final byte[][] hashes; // of the chunks, when they are known
  private @Nullable Thread download;
  private @Nullable Throwable failure;
  private long arrived; // of the whole; it only grows
  private int compared; // chunks, of the pass that the download is in
  private boolean isComplete;

  /**
   * @throws PhialException.Unsupported if nobody says what all of it must be
   */
  StreamedShard(HubClient client, Repository repository, RemoteFile file, Path path)
      throws IOException {
    this.client = client;
    this.repository = repository;
    this.file = file;
    this.sha256 =
        file.sha256()
            .orElseThrow(() ->
                new PhialException.Unsupported(
                    "%s/%s: expected weights kept by Git LFS or Xet, found them in git; pull the model first"
                        .formatted(repository.id().model(), file.path())));
    this.chunks = new ChunkedFile(path, file.size());
    this.hashes = new byte[chunks.chunks()][];
  }

  @Override
  public String sha256() {
    return sha256;
  }

  @Override
  public synchronized void need(long first, long end) {
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
    if (download == null) {
      chunks.need(first, end, this::fetch);
    }
  }

  private PhialException failed() {
    return switch (failure) {
      case PhialException known -> known;
      case Error error -> throw error;
      case null, default -> new PhialException.BadInput(file.path() + ": it did not arrive");
    };
  }

  /** Brings some chunks by themselves. */
  private void fetch(int firstChunk, int endChunk) {
    long first = chunks.start(firstChunk);
    long end = chunks.start(endChunk);
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
    int size = chunks.length(chunk);
    byte[] bytes = body.readNBytes(size);
    if (bytes.length < size) {
      throw new IOException("it ended after %d of %d bytes".formatted(bytes.length, size));
    }
    compare(chunk, bytes);
    chunks.keep(chunk, bytes);
  }

  /** A chunk must be what it was before. */
  private void compare(int chunk, byte[] bytes) {
    byte[] hash = Sha256.digest().digest(bytes);
    if (hashes[chunk] == null) {
      hashes[chunk] = hash;
    } else if (!Arrays.equals(hashes[chunk], hash)) {
      throw new PhialException.BadInput(
          "%s/%s: expected the bytes that %s sent before, found others at %d; try again"
              .formatted(
                  repository.id().model(),
                  file.path(),
                  client.settings().endpoint(),
                  chunks.start(chunk)));
    }
  }

  /** Has all of it come. */
  @Override
  public synchronized void begin() {
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
              client,
              repository.id(),
              repository.commit(),
              file,
              chunks.channel(),
              quiet,
              this::arrivedUpTo)
          .run(0);
      synchronized (this) {
        isComplete = true;
        notifyAll();
      }
    } catch (Throwable e) {
      synchronized (this) {
        failure = e instanceof IOException io ? chunks.unkept(io) : e;
        notifyAll();
      }
    }
  }

  /** Looks at every chunk, once more where the download had to start over. */
  private void arrivedUpTo(long at) {
    if (at < chunks.start(compared)) {
      compared = 0;
    }
    try {
      while (compared < hashes.length && chunks.start(compared + 1) <= at) {
        compare(compared, chunks.read(compared));
        compared++;
        synchronized (this) {
          arrived = Math.max(arrived, chunks.start(compared));
          notifyAll();
        }
      }
    } catch (IOException e) {
      throw chunks.unkept(e);
    }
  }

  /** Waits until all of it has come and is right, and lets go of it. */
  @Override
  public synchronized void finish() {
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
    chunks.release();
  }

  @Override
  public void close() {
    chunks.close();
  }
}
