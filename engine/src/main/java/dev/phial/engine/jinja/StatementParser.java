package dev.phial.engine.jinja;

import dev.phial.engine.jinja.Expression.Arguments;
import dev.phial.engine.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Builds the statements of a template from its tokens: the grammar of Jinja2's parser. */
final class StatementParser {
  private final Cursor cursor;
  private final ExpressionParser expressions;
  private int loops; // around the current statement

  private StatementParser(Cursor cursor) {
    this.cursor = cursor;
    this.expressions = new ExpressionParser(cursor);
  }

  /**
   * @throws TemplateException if the template does not follow the grammar, or uses what chat
   *     templates have no use for
   */
  static List<Statement> parse(String template) {
    Cursor cursor = new Cursor(Lexer.tokens(template));
    List<Statement> body = new StatementParser(cursor).body(Set.of());
    if (cursor.peek().kind() != Kind.END) {
      throw cursor.unexpected("a statement");
    }
    return body;
  }

  /** Statements up to a block that starts with one of the names, or to the end. */
  private List<Statement> body(Set<String> ends) {
    cursor.enter();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = cursor.peek();
      switch (token.kind()) {
        case TEXT -> statements.add(new Statement.Text(token.line(), cursor.next().text()));
        case VARIABLE_START -> {
          cursor.next();
          statements.add(new Statement.Output(token.line(), expressions.tuple()));
          cursor.expect(Kind.VARIABLE_END, "}}");
        }
        case BLOCK_START -> {
          if (ends.contains(cursor.second().text())) {
            cursor.leave();
            return statements;
          }
          cursor.next();
          statement(statements);
        }
        default -> {
          if (!ends.isEmpty()) {
            throw TemplateException.at(
                token.line(), "expected one of %s, found %s".formatted(ends, token));
          }
          cursor.leave();
          return statements;
        }
      }
    }
  }

  private void statement(List<Statement> to) {
    Token tag = cursor.next();
    int line = tag.line();
    switch (tag.text()) {
      case "if" -> to.add(ifStatement(line));
      case "for" -> to.add(forStatement(line));
      case "set" -> to.add(setStatement(line));
      case "macro" -> to.add(macro(line));
      case "with" -> to.add(with(line));
      case "filter" -> {
        List<Statement.Filtering> filters = new ArrayList<>(List.of(filtering()));
        filters.addAll(filterings());
        cursor.endBlock();
        to.add(new Statement.FilterBlock(line, filters, bodyUntil("endfilter")));
      }
      case "generation" -> { // what the model said, marked for training
        cursor.endBlock();
        to.add(new Statement.With(line, List.of(), List.of(), bodyUntil("endgeneration")));
      }
      case "break", "continue" -> {
        if (loops == 0) {
          throw TemplateException.at(line, tag + " outside of a loop");
        }
        cursor.endBlock();
        to.add(tag.isName("break") ? new Statement.Break(line) : new Statement.Continue(line));
      }
      default -> throw TemplateException.at(line, "unknown tag " + tag);
    }
  }

  private List<Statement> bodyUntil(String end) {
    List<Statement> body = body(Set.of(end));
    cursor.next();
    cursor.next();
    cursor.endBlock();
    return body;
  }

  private Statement ifStatement(int line) {
    List<Expression> conditions = new ArrayList<>();
    List<List<Statement>> bodies = new ArrayList<>();
    conditions.add(expressions.tuple());
    cursor.endBlock();
    while (true) {
      bodies.add(body(Set.of("elif", "else", "endif")));
      cursor.next();
      switch (cursor.next().text()) {
        case "elif" -> {
          conditions.add(expressions.tuple());
          cursor.endBlock();
        }
        case "else" -> {
          conditions.add(new Expression.Literal(true));
          cursor.endBlock();
          bodies.add(bodyUntil("endif"));
          return new Statement.If(line, conditions, bodies);
        }
        default -> {
          cursor.endBlock();
          return new Statement.If(line, conditions, bodies);
        }
      }
    }
  }

  private Statement forStatement(int line) {
    List<String> targets = targets();
    if (!cursor.next().isName("in")) {
      cursor.back();
      throw cursor.unexpected("'in'");
    }
    Expression items = expressions.tupleBeforeIf();
    Optional<Expression> filter =
        cursor.skipName("if") ? Optional.of(expressions.expression()) : Optional.empty();
    boolean recursive = cursor.skipName("recursive");
    cursor.endBlock();
    loops++;
    List<Statement> body = body(Set.of("else", "endfor"));
    loops--;
    cursor.next();
    List<Statement> otherwise = List.of();
    if (cursor.next().isName("else")) {
      cursor.endBlock();
      otherwise = bodyUntil("endfor");
    } else {
      cursor.endBlock();
    }
    return new Statement.For(line, targets, items, filter, recursive, body, otherwise);
  }

  private Statement setStatement(int line) {
    List<String> targets = targets();
    Optional<String> attribute = Optional.empty();
    if (targets.size() == 1 && cursor.skip(".")) {
      attribute = Optional.of(cursor.name());
    }
    if (cursor.skip("=")) {
      Expression value = expressions.tuple();
      cursor.endBlock();
      return new Statement.Set(line, targets, attribute, value);
    }
    List<Statement.Filtering> filters = filterings();
    cursor.endBlock();
    if (targets.size() != 1 || attribute.isPresent()) {
      throw cursor.unexpected("'='");
    }
    return new Statement.Capture(line, targets.getFirst(), filters, bodyUntil("endset"));
  }

  private Statement macro(int line) {
    String name = cursor.name();
    cursor.expectOperator("(");
    List<String> parameters = new ArrayList<>();
    List<Optional<Expression>> defaults = new ArrayList<>();
    while (!cursor.skip(")")) {
      if (!parameters.isEmpty()) {
        cursor.expectOperator(",");
      }
      parameters.add(cursor.name());
      defaults.add(cursor.skip("=") ? Optional.of(expressions.expression()) : Optional.empty());
    }
    cursor.endBlock();
    int outer = loops;
    loops = 0;
    List<Statement> body = bodyUntil("endmacro");
    loops = outer;
    return new Statement.Macro(line, name, parameters, defaults, body);
  }

  private Statement with(int line) {
    List<String> names = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (cursor.peek().kind() != Kind.BLOCK_END) {
      if (!names.isEmpty()) {
        cursor.expectOperator(",");
      }
      names.add(cursor.name());
      cursor.expectOperator("=");
      values.add(expressions.expression());
    }
    cursor.endBlock();
    return new Statement.With(line, names, values, bodyUntil("endwith"));
  }

  private List<Statement.Filtering> filterings() {
    List<Statement.Filtering> filters = new ArrayList<>();
    while (cursor.skip("|")) {
      filters.add(filtering());
    }
    return filters;
  }

  private Statement.Filtering filtering() {
    String name = expressions.filterName();
    return new Statement.Filtering(
        name, cursor.skip("(") ? expressions.arguments() : Arguments.NONE);
  }

  /** One name or several, perhaps between parentheses. */
  private List<String> targets() {
    boolean open = cursor.skip("(");
    List<String> names = new ArrayList<>(List.of(cursor.name()));
    while (cursor.skip(",")) {
      names.add(cursor.name());
    }
    if (open) {
      cursor.expectOperator(")");
    }
    return names;
  }
}
