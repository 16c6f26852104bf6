package dev.phial.engine.work;

import dev.phial.PhialException;
import java.util.UUID;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * The use of something that the tasks of a job share in a process, such as an open model. There is
 * one such thing at a time: who needs another waits until nobody uses it any more.
 *
 * @param <T> what is shared
 */
final class Lease<T extends AutoCloseable> implements AutoCloseable {
  private static final Object LOCK = new Object();
  private static @Nullable String key;
  private static @Nullable AutoCloseable held;
  private static int users;

  private final T value;

  private Lease(T value) {
    this.value = value;
  }

  /** A key that no other job has, and all tasks of a job do. */
  static String newKey() {
    return UUID.randomUUID().toString();
  }

  /**
   * Begins to use it.
   *
   * @param of what it is made for, see {@link #newKey}
   * @param open makes it, if it is not there
   */
  @SuppressWarnings("unchecked") // what has the same key was made by the same code
  static <T extends AutoCloseable> Lease<T> of(String of, Supplier<T> open) {
    synchronized (LOCK) {
      waitForOthersThan(of);
      if (!of.equals(key) || held == null) {
        release();
        held = open.get();
        key = of;
      }
      users++;
      return new Lease<>((T) held);
    }
  }

  private static void waitForOthersThan(String of) {
    try {
      while (!of.equals(key) && users > 0) {
        LOCK.wait();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; nothing was written");
    }
  }

  private static void release() {
    AutoCloseable old = held;
    held = null;
    key = null;
    if (old != null) {
      try {
        old.close();
      } catch (Exception e) {
        throw new IllegalStateException(e);
      }
    }
  }

  T value() {
    return value;
  }

  /** Ends the use; the thing stays for who comes next. */
  @Override
  public void close() {
    synchronized (LOCK) {
      users--;
      LOCK.notifyAll();
    }
  }
}
