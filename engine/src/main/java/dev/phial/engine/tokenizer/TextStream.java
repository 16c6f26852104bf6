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
    pending = with(id);
    String text = text(pending);
    return isWhole(text) || pending.length > MOST_PENDING ? take(text) : "";
  }

  /** What {@link #add} would return; {@code U+FFFD} where it would wait for more of a character. */
  public String peek(int id) {
    int[] more = with(id);
    String text = text(more);
    return isWhole(text) || more.length > MOST_PENDING ? text : String.valueOf(REPLACEMENT);
  }

  private int[] with(int id) {
    int[] more = Arrays.copyOf(pending, pending.length + 1);
    more[pending.length] = id;
    return more;
  }

  private static boolean isWhole(String text) {
    return text.isEmpty() || text.charAt(text.length() - 1) != REPLACEMENT;
  }

  /** The rest, at the end. */
  public String end() {
    return take(text(pending));
  }

  private String take(String text) {
    if (!text.isEmpty()) {
      shown = pending;
      pending = new int[0];
    }
    return text;
  }

  private String text(int[] added) {
    String before = tokenizer.decode(shown);
    int[] all = Arrays.copyOf(shown, shown.length + added.length);
    System.arraycopy(added, 0, all, shown.length, added.length);
    String both = tokenizer.decode(all);
    return both.length() > before.length() ? both.substring(before.length()) : "";
  }
}
