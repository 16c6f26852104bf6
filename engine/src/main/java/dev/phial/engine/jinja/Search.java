package dev.phial.engine.jinja;

/**
 * Finds a part in texts, in time that grows with the sum of their lengths (Knuth, Morris and
 * Pratt): the search of {@link String} takes the product of them.
 */
final class Search {
  private final String part;
  private final boolean backwards;
  private final int[] borders; // of the first i + 1 characters: the longest start that is an end

  private Search(String part, boolean backwards, Budget budget) {
    budget.characters(2L * part.length()); // an int takes as much as two of them
    this.part = part;
    this.backwards = backwards;
    this.borders = new int[part.length()];
    int border = 0;
    for (int i = 1; i < part.length(); i++) {
      border = longer(border, at(part, i));
      borders[i] = border;
    }
  }

  /** A search from the start of texts to their end. */
  static Search forwards(String part, Budget budget) {
    return new Search(part, false, budget);
  }

  /** A search from the end of texts to their start. */
  static Search backwards(String part, Budget budget) {
    return new Search(part, true, budget);
  }

  /** Whether a text holds a part; both are counted. */
  static boolean contains(String text, String part, Budget budget) {
    budget.characters(text.length());
    return part.length() <= text.length() && forwards(part, budget).next(text, 0) >= 0;
  }

  /**
   * The next place of the part, or -1 if there is none. It costs as much as the characters between
   * them, which callers count: once for a text that they go through from one end to the other.
   *
   * @param from where to begin: the first character that counts, or backwards the one after the
   *     last
   */
  int next(String text, int from) {
    if (part.isEmpty()) {
      return from;
    }
    int matched = 0;
    for (int i = backwards ? text.length() - from : from; i < text.length(); i++) {
      matched = longer(matched, at(text, i));
      if (matched == part.length()) {
        return backwards ? text.length() - 1 - i : i + 1 - matched;
      }
    }
    return -1;
  }

  /** How much of the part is matched when one more character is read. */
  private int longer(int matched, char next) {
    int length = matched;
    while (length > 0 && at(part, length) != next) {
      length = borders[length - 1];
    }
    return at(part, length) == next ? length + 1 : length;
  }

  private char at(String text, int i) {
    return text.charAt(backwards ? text.length() - 1 - i : i);
  }
}
