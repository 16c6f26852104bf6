package dev.phial.targets;

import dev.phial.PhialException;
import java.util.List;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Waiting for threads. */
final class Threads {
  private Threads() {}

  /** Waits, and throws what stopped one of them. */
  static void join(List<Thread> threads, AtomicReference<@Nullable Throwable> failure) {
    try {
      for (Thread thread : threads) {
        thread.join();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new PhialException.OutputFailed("interrupted; nothing was written");
    }
    switch (failure.get()) {
      case null -> {}
      case PhialException e -> throw e;
      case Error e -> throw e;
      case Throwable e -> throw new IllegalStateException(e);
    }
  }
}
