package dev.phial.engine.eval;

import dev.phial.engine.run.CacheType;
import dev.phial.engine.run.Forward;
import dev.phial.engine.run.Model;
import dev.phial.engine.run.Observer;
import dev.phial.engine.run.Session;
import dev.phial.engine.run.Team;
import java.util.Arrays;
import java.util.concurrent.TimeUnit;

/** How fast a model reads one token after the other, as it does when it writes. */
public final class DecodeSpeed {
  private static final int PROMPT = 32;

  /** Tokens that are timed, at most, and those before them, in which loops are compiled. */
  private static final int TIMED = 64;

  private static final int UNTIMED = 16;

  private static final long LONGEST = TimeUnit.SECONDS.toNanos(5);

  private DecodeSpeed() {}

  /**
   * Measures it.
   *
   * @param tokens some text
   * @return tokens per second, from the median time of a token
   */
  public static double of(Model model, int[] tokens, Team team) {
    try (Session session = new Session(new Forward(model, team, Observer.NONE), CacheType.F16)) {
      int most = Math.min(tokens.length, session.context());
      int next = Math.min(PROMPT, most / 2);
      session.next(Arrays.copyOf(tokens, next));
      long[] nanos = new long[Math.min(TIMED + UNTIMED, most - next)];
      int count = 0;
      long started = System.nanoTime();
      long now = started;
      while (count < nanos.length && (count == 0 || now - started < LONGEST)) {
        long before = now;
        session.next(tokens[next++]);
        now = System.nanoTime();
        nanos[count++] = now - before;
      }
      long[] timed = Arrays.copyOfRange(nanos, count > 2 * UNTIMED ? UNTIMED : 0, count);
      Arrays.sort(timed);
      return 1e9 / timed[timed.length / 2];
    }
  }
}
