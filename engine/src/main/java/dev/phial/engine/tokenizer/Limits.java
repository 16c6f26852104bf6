package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import java.nio.file.Path;
import java.util.List;

/**
 * How much a tokenizer may hold: more than any real one does, less than what would take long or
 * much memory.
 */
final class Limits {
  /** Tokens of a vocabulary, and merges. */
  static final int MOST_TOKENS = 1 << 20;

  /** The highest id. */
  static final int HIGHEST_ID = (1 << 24) - 1;

  /** Characters of a token as files spell it. */
  static final int LONGEST_TOKEN = 1 << 10;

  /** The sum of the squared lengths of tokens that are cut in every way. */
  private static final long MOST_CUTTING = 1L << 28;

  /** The library takes time by the square of it. */
  private static final int MOST_ADDED = 1 << 14;

  private static final int MOST_ADDED_CHARACTERS = 1 << 20;

  private final Path file;
  private long cutting;

  /**
   * @param file what is read, for messages
   */
  Limits(Path file) {
    this.file = file;
  }

  /** Makes sure that an id is one. */
  int id(long id) {
    if (id < 0 || id > HIGHEST_ID) {
      throw bad("expected ids of tokens from 0 to %d, found %d", HIGHEST_ID, id);
    }
    return (int) id;
  }

  /** Makes sure that a token is no longer than any real one. */
  String token(String text) {
    if (text.length() > LONGEST_TOKEN) {
      throw bad(
          "expected tokens of at most %d characters, found one of %d",
          LONGEST_TOKEN, text.length());
    }
    return text;
  }

  /** Makes sure that there are not too many tokens or merges. */
  void count(String what, int count) {
    if (count > MOST_TOKENS) {
      throw bad("expected at most %d %s, found more", MOST_TOKENS, what);
    }
  }

  /** Counts what it takes to cut a token in every way. */
  void cut(int length) {
    cutting += (long) length * length;
    if (cutting > MOST_CUTTING) {
      throw bad("expected a vocabulary mostly of short tokens, found long ones");
    }
  }

  /** Makes sure that the tokens that are looked for in texts are few and short. */
  void added(List<AddedToken> tokens) {
    if (tokens.size() > MOST_ADDED) {
      throw bad("expected at most %d added tokens, found %d", MOST_ADDED, tokens.size());
    }
    long characters = 0;
    for (AddedToken added : tokens) {
      id(added.id());
      characters += token(added.content()).length();
    }
    if (characters > MOST_ADDED_CHARACTERS) {
      throw bad(
          "expected added tokens of at most %d characters in all, found %d",
          MOST_ADDED_CHARACTERS, characters);
    }
  }

  private PhialException bad(String message, Object... details) {
    return new PhialException.BadInput(file + ": " + message.formatted(details));
  }
}
