package dev.phial.engine.hub;

import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;

/** A stream from a connection that counts as broken when nothing has come for a while. */
final class Watched extends FilterInputStream {
  private volatile long last = System.nanoTime();
  private volatile boolean isBroken;
  private final Thread watcher;

  Watched(InputStream in, Duration silence) {
    super(in);
    watcher = Thread.ofVirtual().name("phial-watch").start(() -> watch(silence));
  }

  private void watch(Duration silence) {
    try {
      long left = silence.toNanos();
      while (left > 0) {
        Thread.sleep(Duration.ofNanos(left));
        left = last + silence.toNanos() - System.nanoTime();
      }
      isBroken = true;
      in.close(); // whoever reads it is woken
    } catch (InterruptedException | IOException e) {
      // it has been closed
    }
  }

  @Override
  public int read(byte[] to, int at, int length) throws IOException {
    int count;
    try {
      count = super.read(to, at, length);
    } catch (IOException e) {
      throw isBroken ? new IOException("nothing came for a while", e) : e;
    }
    if (isBroken) {
      throw new IOException("nothing came for a while");
    }
    last = System.nanoTime();
    return count;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public void close() throws IOException {
    watcher.interrupt();
    super.close();
  }
}
