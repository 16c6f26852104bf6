package dev.phial.targets;

import dev.phial.PhialException;
import dev.phial.SystemRefusal;
import dev.phial.targets.layout.Sink;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/** Outputs that are written together: one that cannot be fails alone, unless all do. */
public final class Outputs {
  private final List<Sink> sinks;
  private final Map<Sink, PhialException> failures = new ConcurrentHashMap<>();

  public Outputs(List<? extends Sink> sinks) {
    this.sinks = List.copyOf(sinks);
  }

  /**
   * Writes to one of them, unless it has failed; by any number of threads.
   *
   * @throws PhialException if what it was made from cannot be read, or all have failed
   */
  public void attempt(Sink sink, Runnable writing) {
    if (failures.containsKey(sink)) {
      return;
    }
    try {
      writing.run();
    } catch (PhialException.BadInput e) {
      throw e;
    } catch (PhialException e) {
      failures.putIfAbsent(sink, e);
      throwIfAllFailed();
    }
  }

  private void throwIfAllFailed() {
    if (!sinks.isEmpty() && failures.size() == sinks.size()) {
      throw failures.values().iterator().next();
    }
  }

  /**
   * Makes those appear that have not failed; one beside the other: hashing keeps a core busy, and
   * the disk need not wait for it.
   *
   * @return the failures of single outputs
   * @throws PhialException if all have failed
   */
  public Map<Sink, PhialException> commit() {
    AtomicReference<@Nullable Throwable> bug = new AtomicReference<>();
    List<Thread> threads = new ArrayList<>();
    for (Sink sink : sinks) {
      if (!failures.containsKey(sink)) {
        threads.add(Thread.ofPlatform().name("phial-commit").start(() -> commit(sink, bug)));
      }
    }
    Threads.join(threads, bug);
    throwIfAllFailed();
    return failures;
  }

  private void commit(Sink sink, AtomicReference<@Nullable Throwable> bug) {
    try {
      sink.commit();
    } catch (PhialException e) {
      failures.put(sink, e);
    } catch (Throwable e) {
      // others may have appeared by now, and the user must be told of them
      SystemRefusal.of(e)
          .ifPresentOrElse(
              reason -> failures.put(sink, new PhialException.OutputFailed(reason, e)),
              () -> bug.compareAndSet(null, e));
    }
  }
}
