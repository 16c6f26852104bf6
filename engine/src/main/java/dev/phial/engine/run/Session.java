package dev.phial.engine.run;

import dev.phial.PhialException;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Rotary;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * A text that grows: its tokens and the cache of their keys and values.
 *
 * <p>A model with LongRoPE rotates short and long texts differently, as the reference does: when a
 * text grows beyond what the model was first trained on, all of it is computed again.
 */
public final class Session implements AutoCloseable {
  /** Tokens that go through the model at once, at most: the more, the less often it is decoded. */
  private static final int BATCH = 512;

  /** Numbers that the widest layer makes of them, at most: a bound on memory. */
  private static final int ROOM = 1 << 23;

  private final Forward forward;
  private final Hyperparameters h;
  private final KvCache cache;
  private int[] tokens = new int[64];
  private int length;
  private int computed; // tokens whose keys and values are in the cache
  private Rotary rotary;
  private boolean isLong;

  public Session(Forward forward, CacheType type) {
    this.forward = forward;
    this.h = forward.model().hyperparameters();
    this.cache = new KvCache(h, type);
    this.rotary = Rotary.of(h, false);
  }

  /** Tokens so far. */
  public int length() {
    return length;
  }

  /** Tokens there may be. */
  public int context() {
    return h.context();
  }

  /** Starts over. */
  public void reset() {
    cache.clear();
    length = 0;
    computed = 0;
  }

  /**
   * Goes back to where another text departs from this one.
   *
   * @param text at least one token
   * @return how many of its tokens are here now, not the last one; append the rest
   */
  public int resume(int[] text) {
    int most = Math.min(length, text.length - 1);
    int found = Arrays.mismatch(tokens, 0, most, text, 0, most);
    int same = found < 0 ? most : found;
    int seen =
        h.attention().slidingWindow().map(window -> Math.max(0, same + 1 - window)).orElse(0);
    if (cache.isForgotten(seen)) {
      cache.clear();
      computed = 0;
    }
    computed = Math.min(computed, same);
    length = same;
    return same;
  }

  /** How many tokens at the beginning of a text are computed here. */
  public int common(int[] text) {
    int most = Math.min(computed, text.length);
    int found = Arrays.mismatch(tokens, 0, most, text, 0, most);
    return found < 0 ? most : found;
  }

  /**
   * Starts over with what another text and a new one begin with; what the other has computed of it
   * is copied.
   *
   * @param text at least one token
   * @param other of the same {@link Forward} and {@link CacheType}; it stays as it is
   * @return how many of the text's tokens are here now, not the last one; append the rest
   */
  public int resume(int[] text, Session other) {
    reset();
    int same = Math.min(other.common(text), text.length - 1);
    int seen =
        h.attention().slidingWindow().map(window -> Math.max(0, same + 1 - window)).orElse(0);
    if (same == 0 || other.cache.isForgotten(seen)) {
      return 0;
    }
    cache.copy(other.cache, same);
    tokens = Arrays.copyOf(other.tokens, Math.max(64, same));
    length = same;
    computed = same;
    rotary = other.rotary;
    isLong = other.isLong;
    return same;
  }

  /** Bytes outside the heap that keys and values take. */
  public long bytes() {
    return cache.bytes();
  }

  /** Bytes that they would take besides, for a text of so many tokens. */
  public long growth(int tokens) {
    return cache.growth(tokens);
  }

  /**
   * Adds tokens and computes what comes next.
   *
   * @return the logits of the token after them, {@code [vocabulary]}
   * @throws PhialException.BadInput if the text becomes longer than the model's context
   */
  public float[] next(int... more) {
    Activations logits = forward.newLogits();
    forward.logits(append(more, 1), 0, 1, logits);
    return Arrays.copyOf(logits.values(), h.vocabulary());
  }

  /**
   * Adds tokens.
   *
   * @param wanted for how many of them, the last ones, the state is returned
   * @return {@code [wanted][hidden]}, for {@link Forward#logits}
   */
  public Activations append(int[] more, int wanted) {
    return append(List.of(this), List.of(more), new int[] {wanted});
  }

  /**
   * Adds tokens to several texts at once, which is faster than one after the other.
   *
   * @param sessions of one {@link Forward}
   * @param wanted of each text's tokens, for how many, the last ones, the state is returned
   * @return {@code [sessions * wanted][hidden]}, for {@link Forward#logits}
   */
  public static Activations append(List<Session> sessions, List<int[]> more, int wanted) {
    int[] all = new int[sessions.size()];
    Arrays.fill(all, wanted);
    return append(sessions, more, all);
  }

  /**
   * The same, with a number of wanted states for each text.
   *
   * @return {@code [sum of wanted][hidden]}
   */
  public static Activations append(List<Session> sessions, List<int[]> more, int[] wanted) {
    Forward forward = sessions.getFirst().forward;
    Activations states = new Activations(forward.model().hyperparameters().hidden());
    states.resize(Arrays.stream(wanted).sum());
    int found = 0;
    List<Span> spans = new ArrayList<>();
    int batch = batch(forward.model().hyperparameters());
    int room = batch;
    for (int i = 0; i < sessions.size(); i++) {
      Session session = sessions.get(i);
      session.extend(more.get(i));
      while (session.computed < session.length) {
        Span span = session.nextSpan(room, wanted[i]);
        spans.add(span);
        room -= span.tokens().length;
        if (room == 0) {
          found = run(forward, spans, states, found);
          room = batch;
        }
      }
    }
    if (!spans.isEmpty()) {
      run(forward, spans, states, found);
    }
    return states;
  }

  private static int batch(Hyperparameters h) {
    return Math.clamp(ROOM / (2 * h.feedForward()), 1, BATCH);
  }

  private static int run(Forward forward, List<Span> spans, Activations states, int found) {
    Activations rows = forward.run(spans);
    for (int i = 0; i < rows.count(); i++) {
      states.copy(found + i, rows, i);
    }
    spans.clear();
    return found + rows.count();
  }

  private void extend(int[] more) {
    if (length + more.length > h.context()) {
      throw new PhialException.BadInput(
          "expected at most %d tokens, the context of the model, found %d; shorten the text"
              .formatted(h.context(), length + more.length));
    }
    for (int token : more) {
      if (token < -forward.shownRows() || token >= h.vocabulary()) {
        throw new PhialException.BadInput(
            "expected tokens below %d, the vocabulary of the model, found %d; does the tokenizer belong to the model?"
                .formatted(h.vocabulary(), token));
      }
    }
    if (tokens.length < length + more.length) {
      tokens = Arrays.copyOf(tokens, Math.max(2 * tokens.length, length + more.length));
    }
    System.arraycopy(more, 0, tokens, length, more.length);
    length += more.length;
    boolean nowLong = h.rope().isLong(length);
    if (nowLong != isLong) {
      isLong = nowLong;
      rotary = Rotary.of(h, isLong);
      cache.clear();
      computed = 0;
    }
  }

  /** The next tokens to compute, at most {@code most}. */
  private Span nextSpan(int most, int wanted) {
    int end = Math.min(length, computed + most);
    int firstWanted = length - wanted;
    h.attention()
        .slidingWindow()
        .ifPresent(window -> cache.forget(Math.max(0, computed + 1 - window)));
    cache.reserve(end);
    Span span =
        new Span(
            cache,
            computed,
            rotary,
            Arrays.copyOfRange(tokens, computed, end),
            Math.max(0, end - Math.max(computed, firstWanted)));
    computed = end;
    return span;
  }

  @Override
  public void close() {
    cache.close();
  }
}
