package dev.phial.server;

import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Session;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The keys and values of texts that are being continued, and of some that were: what a new text
 * begins with may be among them. All together stay below a number of bytes.
 */
final class Caches implements AutoCloseable {
  /** Tokens that are not worth copying. */
  private static final int FEW = 16;

  private final Forward forward;
  private final Session empty;
  private final int most;
  private final long budget;
  private final List<Session> idle = new ArrayList<>(); // the one that rests longest first
  private final Set<Session> used = new HashSet<>();

  /**
   * @param most sessions that are kept, more than are ever used at once
   * @param budget bytes that they may take
   */
  Caches(Forward forward, int most, long budget) {
    this.forward = forward;
    this.empty = new Session(forward, CacheType.F16);
    this.most = most;
    this.budget = budget;
  }

  /** Bytes that keys and values of so many tokens take. */
  static long bytes(Forward forward, int tokens) {
    try (Session session = new Session(forward, CacheType.F16)) {
      return session.growth(tokens);
    }
  }

  /** Bytes that a text of so many tokens takes. */
  long bytes(int tokens) {
    return empty.growth(tokens);
  }

  /** How many tokens at the beginning of a text are known. */
  int known(int[] text) {
    return best(text).map(session -> session.common(text)).orElse(0);
  }

  private Optional<Session> best(int[] text) {
    Session best = null;
    int most = 0;
    for (List<Session> some : List.of(idle, List.copyOf(used))) {
      for (Session session : some) {
        int common = session.common(text);
        if (common > most) {
          most = common;
          best = session;
        }
      }
    }
    return Optional.ofNullable(best);
  }

  /**
   * A session for a text, which holds as much of its beginning as is known; append the rest.
   *
   * @param fresh whether it is to hold nothing
   */
  Session take(int[] text, boolean fresh) {
    Optional<Session> best = fresh ? Optional.empty() : best(text);
    int common = best.map(session -> session.common(text)).orElse(0);
    // one that goes on with most of its text is the same conversation; others are left as they are
    Optional<Session> same =
        best.filter(idle::contains).filter(session -> 2 * common >= session.length());
    Session session;
    if (same.isPresent()) {
      session = same.get();
      idle.remove(session);
      session.resume(text);
    } else {
      boolean copies = common >= FEW && makeRoom(bytes(common), best);
      session = spare(best.filter(_ -> copies));
      if (copies) {
        session.resume(text, best.orElseThrow());
      } else {
        session.reset();
      }
    }
    used.add(session);
    return session;
  }

  /** A session whose text may be lost. */
  private Session spare(Optional<Session> kept) {
    if (idle.size() + used.size() >= most) {
      for (Session session : idle) {
        if (kept.filter(session::equals).isEmpty()) {
          idle.remove(session);
          return session;
        }
      }
    }
    return new Session(forward, CacheType.F16);
  }

  /** Keeps what was computed for a text to come. */
  void giveBack(Session session) {
    used.remove(session);
    idle.add(session);
  }

  /** Forgets it. */
  void drop(Session session) {
    used.remove(session);
    session.close();
  }

  /** Bytes that are taken. */
  long bytes() {
    return idle.stream().mapToLong(Session::bytes).sum() + usedBytes();
  }

  /** Bytes that are taken by texts that are being continued. */
  long usedBytes() {
    return used.stream().mapToLong(Session::bytes).sum();
  }

  long budget() {
    return budget;
  }

  /**
   * Forgets texts that are not being continued until so many bytes are free.
   *
   * @return whether they are
   */
  boolean makeRoom(long bytes) {
    return makeRoom(bytes, Optional.empty());
  }

  private boolean makeRoom(long bytes, Optional<Session> kept) {
    List<Session> candidates = new ArrayList<>(idle);
    kept.ifPresent(candidates::remove);
    while (bytes() + bytes > budget && !candidates.isEmpty()) {
      Session oldest = candidates.removeFirst();
      idle.remove(oldest);
      oldest.close();
    }
    return bytes() + bytes <= budget;
  }

  /** Forgets all texts that are not being continued. */
  void clear() {
    idle.forEach(Session::close);
    idle.clear();
  }

  @Override
  public void close() {
    clear();
    used.forEach(Session::close);
    used.clear();
    empty.close();
  }
}
