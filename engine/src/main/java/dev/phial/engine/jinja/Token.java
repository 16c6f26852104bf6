package dev.phial.engine.jinja;

/**
 * A word of a template.
 *
 * @param text of text and strings what they stand for, otherwise what is written
 * @param line from 1
 */
record Token(Kind kind, String text, int line) {
  enum Kind {
    /** What is printed as it is. */
    TEXT,
    BLOCK_START,
    BLOCK_END,
    VARIABLE_START,
    VARIABLE_END,
    NAME,
    STRING,
    INTEGER,
    FLOAT,
    OPERATOR,
    END
  }

  boolean is(Kind wanted, String word) {
    return kind == wanted && text.equals(word);
  }

  boolean isName(String word) {
    return is(Kind.NAME, word);
  }

  boolean isOperator(String operator) {
    return is(Kind.OPERATOR, operator);
  }

  @Override
  public String toString() {
    return kind == Kind.END ? "the end of the template" : "'" + text + "'";
  }
}
