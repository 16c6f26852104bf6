package dev.phial.server;

import dev.phial.PhialException;
import dev.phial.engine.sample.Sampler;
import dev.phial.engine.tokenizer.TextStream;
import dev.phial.engine.tokenizer.Tokenizer;
import java.util.Optional;

/**
 * Chooses tokens that make JSON of a schema: one that would not is as if the model had never
 * thought of it.
 */
final class JsonChooser {
  /** Tokens that are tried before all of them are looked at, which takes long. */
  private static final int TRIES = 64;

  /** Tokens that are tried before the one that is meant, where there is but one way to go on. */
  private static final int TRIES_OF_FORCED = 4;

  private static final String PART = "\uFFFD";

  private final Tokenizer tokenizer;
  private final Sampler sampler;
  private final TextStream stream;
  private JsonText text;

  /**
   * @param stream of what is written; told of each token that is chosen
   */
  JsonChooser(Schema schema, Tokenizer tokenizer, Sampler sampler, TextStream stream) {
    this.text = JsonText.of(schema);
    this.tokenizer = tokenizer;
    this.sampler = sampler;
    this.stream = stream;
  }

  /** Whether all is written. */
  boolean isWhole() {
    return text.isWhole();
  }

  /**
   * Chooses the next token.
   *
   * @param given {@code [vocabulary]}, not changed
   * @throws PhialException.Unsupported if none fits
   */
  int next(float[] given) {
    float[] left = given.clone();
    for (int i = 0; i < TRIES; i++) {
      int token = i == TRIES_OF_FORCED ? forced().orElse(sampler.choose(left)) : choose(left);
      Optional<JsonText> then = with(token);
      if (then.isPresent()) {
        return accept(token, then.get());
      }
      left[token] = Float.NEGATIVE_INFINITY;
    }
    for (int id = 0; id < left.length; id++) {
      if (left[id] != Float.NEGATIVE_INFINITY && with(id).isEmpty()) {
        left[id] = Float.NEGATIVE_INFINITY;
      }
    }
    int token = choose(left);
    return accept(token, with(token).orElseThrow());
  }

  private int choose(float[] left) {
    for (float logit : left) {
      if (logit != Float.NEGATIVE_INFINITY) {
        return sampler.choose(left);
      }
    }
    throw new PhialException.Unsupported(
        "expected a token that goes on with the JSON that was asked for, found none in the vocabulary");
  }

  private int accept(int token, JsonText then) {
    sampler.accept(token);
    text = then;
    return token;
  }

  private Optional<Integer> forced() {
    String forced = text.forced();
    return forced.isEmpty()
        ? Optional.empty()
        : Optional.of(tokenizer.encode(forced, false).ids()[0]);
  }

  /** The text with one token more, if that may follow; one that ends a text may not. */
  private Optional<JsonText> with(int token) {
    if (tokenizer.special().ends().contains(token)) {
      return Optional.empty();
    }
    String more = stream.peek(token);
    if (more.equals(PART)) {
      return text.takesParts() ? Optional.of(text) : Optional.empty();
    }
    return more.isEmpty() ? Optional.empty() : text.with(more);
  }
}
