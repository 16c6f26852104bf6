package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.sample.Sampler;
import dev.phial.engine.sample.StopStrings;
import dev.phial.engine.tokenizer.TextStream;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.server.Event.Finish;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.Consumer;

/**
 * A text that is being continued: its tokens, and how the next one is chosen. It belongs to the
 * thread of a {@link Scheduler}; only {@link #cancel} is for others.
 */
final class Sequence {
  private final int index;
  private final Continuation how;
  private final Tokenizer tokenizer;
  private final int context;
  private final long deadline;
  private final Consumer<Event> listener;
  private final Sampler sampler;
  private final Scorer scorer;
  private final StopStrings stops;
  private final TextStream stream;
  private final Optional<JsonChooser> json;
  private final Map<Integer, Integer> counts = new HashMap<>(); // of generated tokens
  private final Deque<Scored> unshown = new ArrayDeque<>(); // whose text is held back
  private final List<TokenScore> promptScores = new ArrayList<>();
  private final int promptTokens;
  private int[] tokens;
  private int length;
  private int streamed; // characters that tokens have made
  private int shown; // of them, those that are told
  private int cached = -1;
  private boolean ended;
  private volatile boolean cancelled;

  private record Scored(int offset, TokenScore score) {}

  /**
   * @param index which of a request's texts it is
   * @param prompt at least one token, fewer than {@code context}
   * @param deadline when it is to end, by {@link System#nanoTime}
   * @param listener told in the scheduler's thread, and must not wait
   */
  Sequence(
      int index,
      int[] prompt,
      Continuation how,
      Tokenizer tokenizer,
      int context,
      long deadline,
      Consumer<Event> listener) {
    this.index = index;
    this.how = how;
    this.tokenizer = tokenizer;
    this.context = context;
    this.deadline = deadline;
    this.listener = listener;
    this.promptTokens = prompt.length;
    this.tokens = prompt.clone();
    this.length = prompt.length;
    this.sampler = new Sampler(how.sampling(), how.seed() + index);
    sampler.accept(prompt);
    this.scorer = new Scorer(tokenizer, Math.max(0, how.alternatives()));
    this.stops = new StopStrings(how.stops());
    this.stream = tokenizer.streamAfter(prompt);
    this.json = how.json().map(schema -> new JsonChooser(schema, tokenizer, sampler, stream));
  }

  /** Says that nobody waits for it any more; from any thread. */
  void cancel() {
    cancelled = true;
  }

  boolean isEnded() {
    return ended;
  }

  /** Tokens so far. */
  int length() {
    return length;
  }

  int[] tokens() {
    return Arrays.copyOf(tokens, length);
  }

  /** Some of them. */
  int[] tokens(int from, int to) {
    return Arrays.copyOfRange(tokens, from, to);
  }

  /** Whether the logits of all its tokens are wanted, so that none may come from elsewhere. */
  boolean scoresPrompt() {
    return how.scoresPrompt() && length == promptTokens;
  }

  /** Ends it if there is a reason to that lies outside the text. */
  void checkTime(long now) {
    if (cancelled) {
      ended = true;
    } else if (now - deadline >= 0) {
      end(Finish.TIME);
    }
  }

  /** Says that all is computed again. */
  void restart() {
    promptScores.clear();
  }

  /** Says how many tokens of the prompt are known; the first time counts. */
  void begin(int known) {
    cached = cached < 0 ? Math.min(known, promptTokens) : cached;
    if (how.most() == 0 && !scoresPrompt()) {
      end(Finish.LENGTH);
    }
  }

  /**
   * Looks at a token of the prompt.
   *
   * @param at its position, at least 1
   * @param logits for it, {@code [vocabulary]}
   */
  void score(int at, float[] logits) {
    promptScores.add(scorer.score(Arrays.copyOf(tokens, at), tokens[at], logits));
  }

  /**
   * Chooses the next token.
   *
   * @param logits {@code [vocabulary]}; may be changed
   * @throws PhialException.BadInput if the model gave no numbers
   */
  void accept(float[] logits) {
    if (scoresPrompt()) {
      listener.accept(new Event.Prompt(index, promptScores));
      if (how.most() == 0) {
        end(Finish.LENGTH);
        return;
      }
    }
    float[] adjusted = how.adjusts() ? adjusted(logits) : logits;
    int token = json.isPresent() ? json.get().next(adjusted) : sampler.next(adjusted);
    if (!how.ignoresEnds() && tokenizer.special().ends().contains(token)) {
      end(Finish.STOP);
      return;
    }
    if (how.tellsScores()) {
      unshown.add(new Scored(streamed, scorer.score(tokens(), token, logits)));
    }
    if (length == tokens.length) {
      tokens = Arrays.copyOf(tokens, 2 * length);
    }
    tokens[length++] = token;
    counts.merge(token, 1, Integer::sum);
    show(stops.add(streamed(stream.add(token))));
    if (stops.isReached() || json.filter(JsonChooser::isWhole).isPresent()) {
      end(Finish.STOP);
    } else if (generated() >= how.most() || length >= context) {
      end(Finish.LENGTH);
    }
  }

  private float[] adjusted(float[] logits) {
    float[] result = logits.clone();
    counts.forEach(
        (token, count) -> result[token] -= (float) (how.presence() + how.frequency() * count));
    how.bias().forEach((token, bias) -> result[token] += bias);
    return result;
  }

  private int generated() {
    return length - promptTokens;
  }

  private String streamed(String text) {
    streamed += text.length();
    return text;
  }

  /** Tells text that is certain, with the scores of the tokens that begin in it. */
  private void show(String text) {
    shown += text.length();
    if (!text.isEmpty()) {
      listener.accept(new Event.Piece(index, text, takeScores(shown)));
    }
  }

  private List<TokenScore> takeScores(int before) {
    List<TokenScore> scores = new ArrayList<>();
    while (!unshown.isEmpty() && unshown.getFirst().offset < before) {
      scores.add(unshown.removeFirst().score);
    }
    return scores;
  }

  /** Ends it and says why. */
  void end(Finish why) {
    if (ended) {
      return;
    }
    ended = true;
    show(stops.add(streamed(stream.end())));
    boolean stopped = stops.isReached(); // perhaps by half a character that comes only now
    show(stops.end());
    if (!stopped && !unshown.isEmpty()) { // tokens without text
      listener.accept(new Event.Piece(index, "", takeScores(Integer.MAX_VALUE)));
    }
    listener.accept(
        new Event.End(index, stopped ? Finish.STOP : why, generated(), Math.max(0, cached)));
  }

  void fail(PhialException cause) {
    if (!ended) {
      ended = true;
      listener.accept(new Event.Failure(index, cause));
    }
  }
}
