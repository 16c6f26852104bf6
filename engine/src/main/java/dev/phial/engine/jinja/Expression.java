package dev.phial.engine.jinja;

import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** What has a value. */
sealed interface Expression {
  record Literal(@Nullable Object value) implements Expression {}

  record Name(String name) implements Expression {}

  /** A list or a tuple. */
  record ListOf(List<Expression> items) implements Expression {}

  record DictOf(List<Expression> keys, List<Expression> values) implements Expression {}

  /** {@code not}, {@code -} or {@code +} before a value. */
  record Unary(String operator, Expression operand) implements Expression {}

  /** Arithmetic, {@code ~}, {@code and} and {@code or}. */
  record Binary(String operator, Expression left, Expression right) implements Expression {}

  /** {@code first < second == third}: each operator between the operands of its place. */
  record Compare(List<Expression> operands, List<String> operators) implements Expression {}

  /** {@code then if condition else otherwise}. */
  record Conditional(Expression condition, Expression then, Optional<Expression> otherwise)
      implements Expression {}

  record Attribute(Expression of, String name) implements Expression {}

  record Index(Expression of, Expression index) implements Expression {}

  record Slice(
      Expression of, Optional<Expression> from, Optional<Expression> to, Optional<Expression> step)
      implements Expression {}

  record Call(Expression function, Arguments arguments) implements Expression {}

  record Filter(Expression of, String name, Arguments arguments) implements Expression {}

  record Test(Expression of, String name, Arguments arguments) implements Expression {}

  /** What stands between parentheses: values, then named values. */
  record Arguments(List<Expression> values, List<String> names, List<Expression> named) {
    static final Arguments NONE = new Arguments(List.of(), List.of(), List.of());
  }
}
