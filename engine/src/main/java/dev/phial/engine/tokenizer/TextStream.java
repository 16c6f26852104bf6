package dev.phial.engine.tokenizer;

import java.util.Arrays;

/**
 * Text from tokens as they come. A character whose bytes are spread over tokens appears when its
 * last byte is there; a blank at the start is there or not as in the whole text.
 */
public final class TextStream {
  /** What decoders write for bytes that are no character, or not yet. */
  private static final char REPLACEMENT = '\uFFFD';

  /** So many tokens without a character are simply not text. */
  private static final int MOST_PENDING = 32;

  /** Tokens before the text that may change how it begins. */
  private static final int CONTEXT = 4;

  private final Tokenizer tokenizer;
  private int[] shown; // the last tokens whose text is out: what comes next may depend on them
  private int[] pending = {}; // tokens whose text is not out yet

  TextStream(Tokenizer tokenizer, int[] before) {
    this.tokenizer = tokenizer;
    this.shown = Arrays.copyOfRange(before, Math.max(0, before.length - CONTEXT), before.length);
  }

  /** Takes a token and returns what text is certain now, often none. */
  public String add(int id) {
    pending = Arrays.copyOf(pending, pending.length + 1);
    pending[pending.length - 1] = id;
    String text = text();
    boolean isWhole = text.isEmpty() || text.charAt(text.length() - 1) != REPLACEMENT;
    return isWhole || pending.length > MOST_PENDING ? take(text) : "";
  }

  /** The rest, at the end. */
  public String end() {
    return take(text());
  }

  private String take(String text) {
    if (!text.isEmpty()) {
      shown = pending;
      pending = new int[0];
    }
    return text;
  }

  private String text() {
    String before = tokenizer.decode(shown);
    int[] all = Arrays.copyOf(shown, shown.length + pending.length);
    System.arraycopy(pending, 0, all, shown.length, pending.length);
    String both = tokenizer.decode(all);
    return both.length() > before.length() ? both.substring(before.length()) : "";
  }
}
