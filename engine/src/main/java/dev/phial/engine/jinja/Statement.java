package dev.phial.engine.jinja;

import java.util.List;
import java.util.Optional;

/** What is done, in order. */
sealed interface Statement {
  int line();

  record Text(int line, String text) implements Statement {}

  record Output(int line, Expression value) implements Statement {}

  /** Conditions and what is done under each; the last may be always true. */
  record If(int line, List<Expression> conditions, List<List<Statement>> bodies)
      implements Statement {}

  /**
   * A loop.
   *
   * @param targets one name, or several that take an item apart
   * @param filter which items count
   * @param otherwise what is done without items
   */
  record For(
      int line,
      List<String> targets,
      Expression items,
      Optional<Expression> filter,
      boolean recursive,
      List<Statement> body,
      List<Statement> otherwise)
      implements Statement {}

  /** Names, or one attribute of a namespace, that take a value. */
  record Set(int line, List<String> targets, Optional<String> attribute, Expression value)
      implements Statement {}

  /** A name that takes what is printed. */
  record Capture(int line, String target, List<Filtering> filters, List<Statement> body)
      implements Statement {}

  /** Prints through filters. */
  record FilterBlock(int line, List<Filtering> filters, List<Statement> body)
      implements Statement {}

  record Macro(
      int line,
      String name,
      List<String> parameters,
      List<Optional<Expression>> defaults,
      List<Statement> body)
      implements Statement {}

  /** A body with names of its own, which may be none. */
  record With(int line, List<String> names, List<Expression> values, List<Statement> body)
      implements Statement {}

  record Break(int line) implements Statement {}

  record Continue(int line) implements Statement {}

  /** A filter waiting for a value. */
  record Filtering(String name, Expression.Arguments arguments) {}
}
