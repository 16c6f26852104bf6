package dev.phial.engine.jinja;

import dev.phial.engine.jinja.Expression.Arguments;
import dev.phial.engine.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Builds expressions from tokens: that part of the grammar of Jinja2's parser. */
final class ExpressionParser {
  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> KEYWORDS = Set.of("and", "or", "not", "in", "is", "if", "else");

  private final Cursor cursor;

  ExpressionParser(Cursor cursor) {
    this.cursor = cursor;
  }

  String filterName() {
    String name = cursor.name();
    if (!Filters.NAMES.contains(name)) {
      throw TemplateException.at(cursor.line(), "no filter named '%s'".formatted(name));
    }
    return name;
  }

  /** An expression, or several with commas between, which make a tuple. */
  Expression tuple() {
    return tuple(true);
  }

  /** An expression or a tuple before an {@code if} that is no part of it. */
  Expression tupleBeforeIf() {
    return tuple(false);
  }

  private Expression tuple(boolean conditional) {
    Expression first = conditional ? expression() : or();
    if (!cursor.peek().isOperator(",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (cursor.skip(",") && startsExpression()) {
      items.add(conditional ? expression() : or());
    }
    return new Expression.ListOf(items);
  }

  private boolean startsExpression() {
    Token token = cursor.peek();
    return switch (token.kind()) {
      case BLOCK_END, VARIABLE_END, END -> false;
      case OPERATOR -> "([{+-".contains(token.text());
      default -> true;
    };
  }

  Expression expression() {
    cursor.enter();
    Expression value = or();
    while (cursor.skipName("if")) {
      Expression condition = or();
      Optional<Expression> otherwise =
          cursor.skipName("else") ? Optional.of(expression()) : Optional.empty();
      value = new Expression.Conditional(condition, value, otherwise);
    }
    cursor.leave();
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (cursor.skipName("or")) {
      left = new Expression.Binary("or", left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (cursor.skipName("and")) {
      left = new Expression.Binary("and", left, not());
    }
    return left;
  }

  private Expression not() {
    if (cursor.skipName("not")) {
      cursor.enter();
      Expression operand = not();
      cursor.leave();
      return new Expression.Unary("not", operand);
    }
    return comparison();
  }

  private Expression comparison() {
    List<Expression> operands = new ArrayList<>(List.of(sum()));
    List<String> operators = new ArrayList<>();
    while (true) {
      Token token = cursor.peek();
      if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
        operators.add(cursor.next().text());
      } else if (token.isName("in")) {
        cursor.next();
        operators.add("in");
      } else if (token.isName("not") && cursor.second().isName("in")) {
        cursor.next();
        cursor.next();
        operators.add("not in");
      } else {
        break;
      }
      operands.add(sum());
    }
    return operators.isEmpty() ? operands.getFirst() : new Expression.Compare(operands, operators);
  }

  private Expression sum() {
    Expression left = concatenation();
    while (cursor.peek().isOperator("+") || cursor.peek().isOperator("-")) {
      left = new Expression.Binary(cursor.next().text(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    Expression left = product();
    while (cursor.skip("~")) {
      left = new Expression.Binary("~", left, product());
    }
    return left;
  }

  private Expression product() {
    Expression left = power();
    while (cursor.peek().kind() == Kind.OPERATOR
        && Set.of("*", "/", "//", "%").contains(cursor.peek().text())) {
      left = new Expression.Binary(cursor.next().text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (cursor.skip("**")) {
      left = new Expression.Binary("**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean filtered) {
    cursor.enter();
    Expression value;
    if (cursor.peek().isOperator("-") || cursor.peek().isOperator("+")) {
      value = new Expression.Unary(cursor.next().text(), unary(false));
    } else {
      value = postfix(primary());
    }
    cursor.leave();
    return filtered ? filters(value) : value;
  }

  private Expression primary() {
    Token token = cursor.next();
    switch (token.kind()) {
      case NAME -> {
        if (KEYWORDS.contains(token.text())) {
          cursor.back();
          throw cursor.unexpected("a value");
        }
        return switch (token.text()) {
          case "true", "True" -> new Expression.Literal(true);
          case "false", "False" -> new Expression.Literal(false);
          case "none", "None" -> new Expression.Literal(null);
          default -> new Expression.Name(token.text());
        };
      }
      case STRING -> {
        StringBuilder text = new StringBuilder(token.text());
        while (cursor.peek().kind() == Kind.STRING) {
          text.append(cursor.next().text());
        }
        return new Expression.Literal(text.toString());
      }
      case INTEGER, FLOAT -> {
        return new Expression.Literal(number(token));
      }
      case OPERATOR -> {
        if (token.isOperator("(")) {
          return parenthesized();
        } else if (token.isOperator("[")) {
          return new Expression.ListOf(items("]"));
        } else if (token.isOperator("{")) {
          return dict();
        }
      }
      default -> {}
    }
    cursor.back();
    throw cursor.unexpected("a value");
  }

  private static Object number(Token token) {
    try {
      if (token.kind() == Kind.FLOAT) {
        return Double.valueOf(token.text());
      }
      return Long.valueOf(token.text());
    } catch (NumberFormatException e) {
      throw TemplateException.at(
          token.line(), "the number %s is too large".formatted(token.text()));
    }
  }

  private Expression parenthesized() {
    if (cursor.skip(")")) {
      return new Expression.ListOf(List.of());
    }
    Expression value = tuple();
    cursor.expectOperator(")");
    return value;
  }

  private List<Expression> items(String end) {
    List<Expression> items = new ArrayList<>();
    while (!cursor.skip(end)) {
      if (!items.isEmpty()) {
        cursor.expectOperator(",");
        if (cursor.skip(end)) {
          break;
        }
      }
      items.add(expression());
    }
    return items;
  }

  private Expression dict() {
    List<Expression> keys = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (!cursor.skip("}")) {
      if (!keys.isEmpty()) {
        cursor.expectOperator(",");
        if (cursor.skip("}")) {
          break;
        }
      }
      keys.add(expression());
      cursor.expectOperator(":");
      values.add(expression());
    }
    return new Expression.DictOf(keys, values);
  }

  private Expression postfix(Expression value) {
    while (true) {
      if (cursor.skip(".")) {
        Token name = cursor.next();
        value =
            switch (name.kind()) {
              case NAME -> new Expression.Attribute(value, name.text());
              case INTEGER -> new Expression.Index(value, new Expression.Literal(number(name)));
              default -> {
                cursor.back();
                throw cursor.unexpected("a name");
              }
            };
      } else if (cursor.skip("[")) {
        value = subscript(value);
      } else if (cursor.skip("(")) {
        value = new Expression.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression subscript(Expression value) {
    if (!cursor.peek().isOperator(":")) {
      Expression index = tuple();
      if (cursor.skip("]")) {
        return new Expression.Index(value, index);
      }
      return slice(value, Optional.of(index));
    }
    return slice(value, Optional.empty());
  }

  private Expression slice(Expression value, Optional<Expression> from) {
    cursor.expectOperator(":");
    Optional<Expression> to = bound();
    Optional<Expression> step = cursor.skip(":") ? bound() : Optional.empty();
    cursor.expectOperator("]");
    return new Expression.Slice(value, from, to, step);
  }

  private Optional<Expression> bound() {
    return cursor.peek().isOperator(":") || cursor.peek().isOperator("]")
        ? Optional.empty()
        : Optional.of(expression());
  }

  private Expression filters(Expression value) {
    while (true) {
      if (cursor.skip("|")) {
        String name = filterName();
        value = new Expression.Filter(value, name, cursor.skip("(") ? arguments() : Arguments.NONE);
      } else if (cursor.skipName("is")) {
        value = test(value);
      } else if (cursor.skip("(")) {
        value = new Expression.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression test(Expression value) {
    boolean negated = cursor.skipName("not");
    int line = cursor.line();
    String name = cursor.name();
    if (!Tests.NAMES.contains(name)) {
      throw TemplateException.at(line, "no test named '%s'".formatted(name));
    }
    Arguments arguments = Arguments.NONE;
    if (cursor.skip("(")) {
      arguments = arguments();
    } else if (startsTestArgument()) {
      arguments = new Arguments(List.of(postfix(primary())), List.of(), List.of());
    }
    Expression test = new Expression.Test(value, name, arguments);
    return negated ? new Expression.Unary("not", test) : test;
  }

  private boolean startsTestArgument() {
    Token token = cursor.peek();
    return switch (token.kind()) {
      case NAME -> !KEYWORDS.contains(token.text());
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.isOperator("[") || token.isOperator("{");
      default -> false;
    };
  }

  /** What follows an opening parenthesis. */
  Arguments arguments() {
    List<Expression> values = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expression> named = new ArrayList<>();
    while (!cursor.skip(")")) {
      if (!values.isEmpty() || !names.isEmpty()) {
        cursor.expectOperator(",");
        if (cursor.skip(")")) {
          break;
        }
      }
      if (cursor.peek().kind() == Kind.NAME && cursor.second().isOperator("=")) {
        names.add(cursor.next().text());
        cursor.next();
        named.add(expression());
      } else if (names.isEmpty()) {
        values.add(expression());
      } else {
        throw cursor.unexpected("a named argument");
      }
    }
    return new Arguments(values, names, named);
  }
}
