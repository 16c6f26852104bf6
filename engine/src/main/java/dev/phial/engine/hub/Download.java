package dev.phial.engine.hub;

import dev.phial.PhialException;
import dev.phial.io.Progress;
import java.io.IOException;
import java.io.InputStream;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.Optional;
import java.util.function.LongConsumer;

/**
 * One file on its way here: it goes on where it was when a connection breaks, and counts only when
 * its hash is what the hub says.
 */
final class Download {
  private static final int BUFFER = 1 << 16;

  /** After so many bytes a try counts as a success, and those before it as forgotten. */
  private static final long FAR = 1 << 20;

  private final HubClient client;
  private final HubId id;
  private final String commit;
  private final RemoteFile file;
  private final FileChannel to;
  private final Progress.Stage stage;
  private final LongConsumer arrived;
  private MessageDigest digest;
  private long at;

  /**
   * @param to what has come of it already, and room for the rest
   * @param arrived told how many bytes of the file are there
   */
  Download(
      HubClient client,
      HubId id,
      String commit,
      RemoteFile file,
      FileChannel to,
      Progress.Stage stage,
      LongConsumer arrived) {
    this.client = client;
    this.id = id;
    this.commit = commit;
    this.file = file;
    this.to = to;
    this.stage = stage;
    this.arrived = arrived;
    this.digest = file.digest();
  }

  /**
   * Brings the file, from the byte on that is missing.
   *
   * @param have bytes that have come before
   * @throws PhialException.BadInput if the hub cannot or will not give it, or gives another
   * @throws PhialException.OutputFailed if it cannot be written
   */
  void run(long have) throws IOException {
    boolean isResumed = have > 0 && have <= file.size();
    restart();
    if (isResumed) {
      takeUp(have);
    }
    fetch();
    if (!isRight() && isResumed) { // what had come before was not of this file
      restart();
      fetch();
    }
    if (at != file.size() || !isRight()) {
      throw new PhialException.BadInput(
          "%s/%s: expected the hash %s, found another in what %s sent; it is not kept, try again"
              .formatted(id.model(), file.path(), file.hash(), client.settings().endpoint()));
    }
  }

  private boolean isRight() throws IOException {
    try {
      MessageDigest copy = (MessageDigest) digest.clone();
      return HexFormat.of().formatHex(copy.digest()).equals(file.hash());
    } catch (CloneNotSupportedException e) {
      throw new AssertionError("those of the JDK can be cloned", e);
    }
  }

  private void restart() {
    at = 0;
    digest = file.digest();
  }

  /** Hashes what has come before. */
  private void takeUp(long have) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(BUFFER);
    while (at < have) {
      buffer.clear().limit((int) Math.min(BUFFER, have - at));
      int count = to.read(buffer, at);
      if (count < 0) {
        return;
      }
      digest.update(buffer.flip());
      advance(count);
    }
  }

  private void advance(int count) {
    at += count;
    stage.advance(file.path(), count);
    arrived.accept(at);
  }

  private void fetch() {
    int failures = 0;
    Optional<String> version = Optional.empty();
    while (at < file.size()) {
      long before = at;
      try (Answer answer = new Answer(client.open(id, commit, file, at, -1, version))) {
        version = answer.version();
        if (at > 0 && !answer.beginsAt(at)) {
          restart();
        }
        if (answer.hasBody()) {
          take(answer.body);
        }
        if (at < file.size()) {
          throw new IOException("it ended after %d of %d bytes".formatted(at, file.size()));
        }
      } catch (IOException e) {
        failures = at - before >= FAR ? 1 : failures + 1;
        client.pause("%s/%s".formatted(id.model(), file.path()), failures, e);
      }
    }
  }

  private void take(InputStream body) throws IOException {
    byte[] bytes = new byte[BUFFER];
    try (Watched watched = new Watched(body, client.patience().silence())) {
      for (int count = watched.read(bytes); count >= 0; count = watched.read(bytes)) {
        if (count > file.size() - at) {
          throw new PhialException.BadInput(
              "%s/%s: expected %d bytes, found that %s sends more; try again later"
                  .formatted(id.model(), file.path(), file.size(), client.settings().endpoint()));
        }
        write(ByteBuffer.wrap(bytes, 0, count));
        digest.update(bytes, 0, count);
        advance(count);
      }
    }
  }

  private void write(ByteBuffer bytes) {
    try {
      for (long position = at; bytes.hasRemaining(); ) {
        position += to.write(bytes, position);
      }
    } catch (IOException e) {
      throw new PhialException.OutputFailed(
          "%s/%s cannot be kept: %s; make room, or choose a folder on another disk (HF_HUB_CACHE, or phial pull -o); what has come is kept for the next time"
              .formatted(id.model(), file.path(), e.getMessage()),
          e);
    }
  }

  /** What the hub sends. */
  private record Answer(HttpResponse<InputStream> response, InputStream body)
      implements AutoCloseable {
    Answer(HttpResponse<InputStream> response) {
      this(response, response.body());
    }

    /** Whether it goes on at a byte; if not, it is the whole file. */
    boolean beginsAt(long first) throws IOException {
      if (response.statusCode() != 206) {
        return false;
      }
      String range = HubClient.header(response, "Content-Range").orElse("");
      if (!range.startsWith("bytes " + first + "-")) {
        throw new IOException("it sent other bytes than those from %d on".formatted(first));
      }
      return true;
    }

    boolean hasBody() {
      return response.statusCode() != HubClient.NOTHING_THERE;
    }

    /** Two answers of one version are parts of the same bytes; weak tags promise less. */
    Optional<String> version() {
      return HubClient.header(response, "ETag").filter(tag -> tag.startsWith("\""));
    }

    @Override
    public void close() throws IOException {
      body.close();
    }
  }
}
