package dev.phial.engine.jinja;

/**
 * What rendering may cost in all. Every operation counts the size of what it touches, not itself,
 * so a hostile template ends within a second or two and in little memory.
 */
final class Budget {
  private static final long MOST_STEPS = 4_000_000;
  private static final long MOST_CHARACTERS = 64L << 20;

  /** Values and statements within each other. */
  private static final int DEEPEST = 300;

  private long steps;
  private long characters;
  private int depth;

  void step() {
    steps(1);
  }

  /** Counts the elements of a new list, or whatever else takes time. */
  void steps(long count) {
    steps += count;
    if (count < 0 || steps > MOST_STEPS) {
      throw new TemplateException("it takes more than %d steps".formatted(MOST_STEPS));
    }
  }

  /** Counts text before it is made or looked through. */
  void characters(long count) {
    characters += count;
    if (count < 0 || characters > MOST_CHARACTERS) {
      throw new TemplateException(
          "it goes through more than %d characters".formatted(MOST_CHARACTERS));
    }
  }

  void enter() {
    step();
    if (++depth > DEEPEST) {
      throw new TemplateException("it nests deeper than %d".formatted(DEEPEST));
    }
  }

  void leave() {
    depth--;
  }
}
