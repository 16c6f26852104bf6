package dev.phial.engine.run;

import dev.phial.kernel.MatrixKernels;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.function.IntConsumer;
import org.jspecify.annotations.Nullable;

/**
 * Threads that share the loops of a forward pass. Between two loops they look for the next one for
 * some microseconds, then they sleep: a team without work takes no processor time.
 *
 * <p>A team serves one thread at a time, which takes part as worker 0.
 */
public final class Team implements AutoCloseable {
  /** How long a worker looks for work before it sleeps: a little more than from loop to loop. */
  private static final long PATIENCE_NANOS = 30_000;

  private final Worker[] workers;
  private final Scratch[] scratch;
  private volatile Job job = new Job(0, (index, worker) -> {}, Thread.currentThread());
  private volatile boolean closed;
  private float[] packed = new float[0];

  /** A loop body. */
  @FunctionalInterface
  interface Task {
    /**
     * @param worker which of the team does it, from 0
     */
    void run(int index, int worker);
  }

  /**
   * @param threads at least 1, the caller's included
   */
  public Team(int threads) {
    workers = new Worker[threads - 1];
    scratch = new Scratch[threads];
    for (int i = 0; i < threads; i++) {
      scratch[i] = new Scratch();
    }
    for (int i = 0; i < workers.length; i++) {
      workers[i] = new Worker(i + 1);
      workers[i].start();
    }
  }

  /** A team of all processors. */
  public static Team ofAll() {
    return new Team(Runtime.getRuntime().availableProcessors());
  }

  public int size() {
    return scratch.length;
  }

  /** What all compute with from now on. */
  void use(MatrixKernels kernels) {
    for (Scratch each : scratch) {
      each.use(kernels);
    }
  }

  MatrixKernels kernels() {
    return scratch[0].kernels();
  }

  /** What a worker may use while it runs a task. */
  Scratch scratch(int worker) {
    return scratch[worker];
  }

  /** An array of at least {@code size} floats for all to read, of unknown content. */
  float[] packed(int size) {
    if (packed.length < size) {
      packed = new float[size];
    }
    return packed;
  }

  /** Runs a task for every index below {@code tasks}, in any order, and waits for the last. */
  void run(int tasks, Task task) {
    if (tasks <= 1 || workers.length == 0) {
      for (int i = 0; i < tasks; i++) {
        task.run(i, 0);
      }
      return;
    }
    Job mine = new Job(tasks, task, Thread.currentThread());
    job = mine;
    for (int i = 0; i < Math.min(workers.length, tasks - 1); i++) {
      workers[i].wake();
    }
    mine.work(0);
    mine.await();
  }

  /** Runs a body for every index below {@code count}, in any order, and waits for the last. */
  public void forEach(int count, IntConsumer body) {
    run(count, (index, worker) -> body.accept(index));
  }

  @Override
  public void close() {
    closed = true;
    for (Worker worker : workers) {
      LockSupport.unpark(worker);
    }
  }

  /** One loop; a worker that comes too late for it finds nothing left to do. */
  private static final class Job {
    private final int tasks;
    private final Task task;
    private final Thread caller;
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger active = new AtomicInteger();
    private volatile @Nullable Throwable failure;

    Job(int tasks, Task task, Thread caller) {
      this.tasks = tasks;
      this.task = task;
      this.caller = caller;
    }

    void work(int worker) {
      active.incrementAndGet();
      try {
        for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
          task.run(i, worker);
        }
      } catch (Throwable e) {
        next.set(tasks);
        failure = e;
      } finally {
        if (active.decrementAndGet() == 0 && worker != 0) {
          LockSupport.unpark(caller);
        }
      }
    }

    void await() {
      long start = System.nanoTime();
      while (active.get() != 0) {
        if (System.nanoTime() - start < PATIENCE_NANOS) {
          Thread.onSpinWait();
        } else {
          LockSupport.park(this);
        }
      }
      switch (failure) {
        case null -> {}
        case RuntimeException e -> throw e;
        case Error e -> throw e;
        case Throwable e -> throw new AssertionError(e);
      }
    }
  }

  private final class Worker extends Thread {
    private final int number;
    private volatile boolean asleep;

    Worker(int number) {
      super("phial-" + number);
      this.number = number;
      setDaemon(true);
    }

    void wake() {
      if (asleep) {
        LockSupport.unpark(this);
      }
    }

    @Override
    public void run() {
      Job last = job;
      while (!closed) {
        last = await(last);
        last.work(number);
      }
    }

    private Job await(Job last) {
      long start = System.nanoTime();
      while (job == last && !closed) {
        if (System.nanoTime() - start < PATIENCE_NANOS) {
          Thread.onSpinWait();
          continue;
        }
        asleep = true;
        if (job == last && !closed) { // what came before it said so would not have woken it
          LockSupport.park(this);
        }
        asleep = false;
      }
      return job;
    }
  }
}
