package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.run.Activations;
import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Session;
import dev.phial.server.Event.Finish;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.Iterator;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Predicate;

/**
 * Continues many texts with one model, a pass at a time for all of them: a text that comes joins
 * the next pass, one that ends leaves its place to another. A long prompt goes through in parts, so
 * that others need not wait for the whole of it.
 *
 * <p>A thread of its own does the work; texts come from any thread.
 */
final class Scheduler implements AutoCloseable {
  /** Tokens that go through the model in one pass: how long a text waits for the others. */
  private static final int TOGETHER = 128;

  /** Tokens of prompts among them at least, however many texts grow. */
  private static final int LEAST_READ = 16;

  /** Rows of logits that are held at once. */
  private static final int ROWS = 16;

  /** Tokens that another text is about to compute, for which it is worth to wait. */
  private static final int WORTH_WAITING = 32;

  /** Passes of each kind, and nanoseconds of them all, after which kernels are compiled. */
  private static final int REHEARSALS = 30;

  private static final long REHEARSING = 2_000_000_000L;

  /** Tokens of them: a prompt's, and as many as several texts give. */
  private static final int PROMPT = 32;

  private static final int FEW = 8;

  private final Forward forward;
  private final ReentrantLock turn;
  private final int parallel;
  private final int queue;
  private final Caches caches;
  private final Metrics metrics;
  private final Thread thread;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();
  private final Deque<Sequence> waiting = new ArrayDeque<>(); // guarded by the lock
  private boolean closed; // guarded by the lock
  private volatile int active;

  // the thread's own
  private final List<Running> running = new ArrayList<>(); // in the order they came
  private final Activations logits;
  private boolean careful; // whether each text has a pass to itself, since one of them failed

  private record Running(Sequence sequence, Session session) {
    /** Tokens that are not computed yet. */
    int left() {
      return sequence.length() - session.length();
    }
  }

  /**
   * What goes through the model of one text.
   *
   * @param wanted for how many of its tokens, the last ones, logits are wanted
   */
  private record Step(Running running, int[] more, int wanted) {}

  /**
   * @param turn held during a pass: models share the processors
   * @param parallel texts that are continued at once
   * @param queue texts that may wait
   */
  Scheduler(
      String name,
      Forward forward,
      ReentrantLock turn,
      int parallel,
      int queue,
      Caches caches,
      Metrics metrics) {
    this.forward = forward;
    this.turn = turn;
    this.parallel = parallel;
    this.queue = queue;
    this.caches = caches;
    this.metrics = metrics;
    this.logits = forward.newLogits();
    this.thread = Thread.ofPlatform().name("phial-serve-" + name).daemon().start(this::work);
  }

  /**
   * Begins texts, or has them wait.
   *
   * @throws ApiError if too many wait already, or the server ends
   */
  void submit(List<Sequence> sequences) {
    lock.lock();
    try {
      if (closed) {
        throw ApiError.unavailable("the server is shutting down");
      }
      if (!waiting.isEmpty() && waiting.size() + sequences.size() > queue) {
        metrics.refused();
        throw ApiError.unavailable(
            "%d requests wait already; try again later".formatted(waiting.size()));
      }
      waiting.addAll(sequences);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Whether it takes texts. */
  boolean isOpen() {
    lock.lock();
    try {
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  /** Texts that are being continued. */
  int active() {
    return active;
  }

  /** Texts that wait. */
  int waiting() {
    lock.lock();
    try {
      return waiting.size();
    } finally {
      lock.unlock();
    }
  }

  /** Ends all texts, after what they have. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
    try {
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void work() {
    try {
      rehearse();
      while (await()) {
        pass();
      }
    } finally {
      lock.lock();
      try {
        closed = true; // if an error of ours brought us here, nobody is to wait for ever
        waiting.forEach(sequence -> sequence.end(Finish.CLOSED));
        waiting.clear();
      } finally {
        lock.unlock();
      }
      running.forEach(each -> each.sequence.end(Finish.CLOSED));
      active = 0;
      caches.close();
    }
  }

  /**
   * Has the kernels compiled while nobody waits, so that the first who asks need not: a prompt, a
   * few texts at once and a single token, until somebody comes.
   */
  private void rehearse() {
    long start = System.nanoTime();
    for (int i = 0; i < REHEARSALS; i++) {
      for (int count : new int[] {PROMPT, FEW, 1}) {
        if (!isIdle() || System.nanoTime() - start > REHEARSING) {
          return;
        }
        turn.lock();
        try (Session session = new Session(forward, CacheType.F16)) {
          session.next(new int[Math.min(count, session.context())]);
        } catch (PhialException | OutOfMemoryError e) {
          return; // whoever asks is told
        } finally {
          turn.unlock();
        }
      }
    }
  }

  private boolean isIdle() {
    lock.lock();
    try {
      return !closed && waiting.isEmpty();
    } finally {
      lock.unlock();
    }
  }

  /** Waits for something to do; false at the end. */
  private boolean await() {
    lock.lock();
    try {
      while (!closed && waiting.isEmpty() && running.isEmpty()) {
        changed.awaitUninterruptibly();
      }
      return !closed;
    } finally {
      lock.unlock();
    }
  }

  private void pass() {
    long now = System.nanoTime();
    leave(each -> {
      each.sequence.checkTime(now);
      return each.sequence.isEnded();
    });
    admit(now);
    active = running.size();
    metrics.memory(this, caches.bytes());
    if (running.isEmpty()) {
      careful = false;
      return;
    }
    List<Step> steps = steps();
    if (careful) {
      steps.forEach(step -> run(List.of(step)));
    } else {
      run(steps);
    }
    leave(each -> each.sequence.isEnded());
    active = running.size();
    metrics.memory(this, caches.bytes());
  }

  /** Gives back the sessions of texts that have ended. */
  private void leave(Predicate<Running> isOver) {
    for (Iterator<Running> i = running.iterator(); i.hasNext(); ) {
      Running each = i.next();
      if (isOver.test(each)) {
        i.remove();
        caches.giveBack(each.session);
      }
    }
  }

  /** Lets texts in that wait, as far as there is room. */
  private void admit(long now) {
    List<Sequence> candidates;
    lock.lock();
    try {
      waiting.forEach(sequence -> sequence.checkTime(now));
      waiting.removeIf(Sequence::isEnded);
      candidates = List.copyOf(waiting);
    } finally {
      lock.unlock();
    }
    for (Sequence sequence : candidates) {
      if (running.size() >= parallel) {
        return;
      }
      int[] tokens = sequence.tokens();
      if (willBeKnown(tokens)) {
        continue;
      }
      long needed = caches.usedBytes() + caches.bytes(sequence.length() + TOGETHER);
      if (!running.isEmpty() && needed > caches.budget()) {
        return; // in the order they came, so that a long one has its turn
      }
      lock.lock();
      try {
        waiting.remove(sequence);
      } finally {
        lock.unlock();
      }
      Session session = caches.take(tokens, sequence.scoresPrompt());
      running.add(new Running(sequence, session));
      metrics.begun(session.length());
      sequence.begin(session.length());
    }
    leave(each -> each.sequence.isEnded());
  }

  /** Whether a text that is being read will soon have computed much more of what this one needs. */
  private boolean willBeKnown(int[] tokens) {
    int soon = 0;
    for (Running each : running) {
      if (each.left() > 1) {
        int[] others = each.sequence.tokens();
        int found = Arrays.mismatch(tokens, others);
        soon = Math.max(soon, found < 0 ? tokens.length : found);
      }
    }
    return soon >= WORTH_WAITING && soon >= caches.known(tokens) + WORTH_WAITING;
  }

  /** What each text takes to the next pass; those that do not fit the memory go back to wait. */
  private List<Step> steps() {
    while (true) {
      List<Step> steps = new ArrayList<>();
      int room = Math.max(TOGETHER, running.size() + LEAST_READ);
      for (Running each : running) { // texts that grow, first
        if (each.left() == 1) {
          steps.add(step(each, 1));
          room--;
        }
      }
      for (Running each : running) {
        if (each.left() > 1 && room > 0) {
          int count = Math.min(room, each.left());
          steps.add(step(each, count));
          room -= count;
        }
      }
      long needed =
          steps.stream()
              .mapToLong(step ->
                  step.running.session.growth(step.running.session.length() + step.more.length))
              .sum();
      if (caches.makeRoom(needed) || running.size() == 1) {
        return steps;
      }
      Running last = running.removeLast();
      caches.drop(last.session);
      last.sequence.restart();
      metrics.preempted();
      lock.lock();
      try {
        waiting.addFirst(last.sequence);
      } finally {
        lock.unlock();
      }
    }
  }

  private static Step step(Running each, int count) {
    int from = each.session.length();
    boolean isLast = count == each.left();
    int wanted = each.sequence.scoresPrompt() ? count : isLast ? 1 : 0;
    return new Step(each, each.sequence.tokens(from, from + count), wanted);
  }

  private void run(List<Step> steps) {
    turn.lock();
    try {
      long start = System.nanoTime();
      Activations states =
          Session.append(
              steps.stream().map(step -> step.running.session).toList(),
              steps.stream().map(Step::more).toList(),
              steps.stream().mapToInt(Step::wanted).toArray());
      int row = 0;
      List<Row> rows = new ArrayList<>();
      for (Step step : steps) {
        for (int i = 0; i < step.wanted; i++) {
          rows.add(new Row(step.running, step.running.session.length() - step.wanted + i, row++));
        }
      }
      for (int from = 0; from < rows.size(); from += ROWS) {
        hand(rows.subList(from, Math.min(rows.size(), from + ROWS)), states);
      }
      metrics.passed(
          steps.stream().mapToInt(step -> step.more.length).sum(), System.nanoTime() - start);
    } catch (PhialException e) {
      recover(steps, e);
    } catch (OutOfMemoryError e) {
      caches.clear();
      recover(
          steps,
          new PhialException.Unsupported(
              "out of memory; serve shorter conversations (--context) or fewer at once (--parallel)"));
    } finally {
      turn.unlock();
    }
  }

  /**
   * A token after which logits are wanted.
   *
   * @param at its position
   */
  private record Row(Running running, int at, int state) {}

  private void hand(List<Row> rows, Activations states) {
    forward.logits(states, rows.getFirst().state, rows.size(), logits);
    for (int i = 0; i < rows.size(); i++) {
      Row row = rows.get(i);
      Sequence sequence = row.running.sequence;
      int at = logits.row(i);
      float[] one = Arrays.copyOfRange(logits.values(), at, at + logits.columns());
      if (row.at + 1 < sequence.length()) {
        sequence.score(row.at + 1, one);
        continue;
      }
      try {
        int before = sequence.length();
        sequence.accept(one);
        metrics.generated(sequence.length() - before);
      } catch (PhialException e) {
        sequence.fail(e);
      }
    }
  }

  /**
   * After a pass that failed: a text that was alone is to blame. Of several the innocent ones begin
   * again, each in passes of its own.
   */
  private void recover(List<Step> steps, PhialException cause) {
    for (Step step : steps) {
      step.running.session.reset();
      step.running.sequence.restart();
      if (steps.size() == 1) {
        step.running.sequence.fail(cause);
      }
    }
    careful = steps.size() > 1;
  }
}
