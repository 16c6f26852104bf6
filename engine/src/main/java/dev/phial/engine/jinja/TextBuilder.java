package dev.phial.engine.jinja;

/** Text in the making: each character is counted before it takes memory. */
final class TextBuilder {
  private final Budget budget;
  private final StringBuilder text = new StringBuilder();

  TextBuilder(Budget budget) {
    this.budget = budget;
  }

  TextBuilder append(String part) {
    return append(part, 0, part.length());
  }

  /** Appends the characters of {@code from} from {@code start} up to {@code end}. */
  TextBuilder append(String from, int start, int end) {
    budget.characters(end - start);
    text.append(from, start, end);
    return this;
  }

  TextBuilder append(char character) {
    budget.characters(1);
    text.append(character);
    return this;
  }

  TextBuilder appendCodePoint(int codePoint) {
    budget.characters(Character.charCount(codePoint));
    text.appendCodePoint(codePoint);
    return this;
  }

  /** Appends a part so many times; not at all if that is negative. */
  TextBuilder repeat(String part, long times) {
    int n = Math.clamp(times, 0, Integer.MAX_VALUE);
    budget.characters((long) part.length() * n);
    text.repeat(part, part.isEmpty() ? 0 : n);
    return this;
  }

  @Override
  public String toString() {
    return text.toString();
  }
}
