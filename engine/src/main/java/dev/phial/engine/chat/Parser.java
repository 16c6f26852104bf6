package dev.phial.engine.chat;

import dev.phial.engine.chat.Expression.Arguments;
import dev.phial.engine.chat.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/** Builds the statements of a template from its tokens: the grammar of Jinja2's parser. */
final class Parser {
  /** What may stand within each other: a hostile template must not overflow the stack. */
  private static final int DEEPEST = 200;

  private static final Set<String> COMPARISONS = Set.of("==", "!=", "<", "<=", ">", ">=");
  private static final Set<String> KEYWORDS = Set.of("and", "or", "not", "in", "is", "if", "else");

  private final List<Token> tokens;
  private int at;
  private int depth;
  private int loops; // around the current statement

  private Parser(List<Token> tokens) {
    this.tokens = tokens;
  }

  /**
   * @throws TemplateException if the template does not follow the grammar, or uses what chat
   *     templates have no use for
   */
  static List<Statement> parse(String template) {
    Parser parser = new Parser(Lexer.tokens(template));
    List<Statement> body = parser.body(Set.of());
    if (parser.peek().kind() != Kind.END) {
      throw parser.unexpected("a statement");
    }
    return body;
  }

  /** Statements up to a block that starts with one of the names, or to the end. */
  private List<Statement> body(Set<String> ends) {
    enter();
    List<Statement> statements = new ArrayList<>();
    while (true) {
      Token token = peek();
      switch (token.kind()) {
        case TEXT -> statements.add(new Statement.Text(token.line(), next().text()));
        case VARIABLE_START -> {
          next();
          statements.add(new Statement.Output(token.line(), tuple()));
          expect(Kind.VARIABLE_END, "}}");
        }
        case BLOCK_START -> {
          if (ends.contains(tokens.get(at + 1).text())) {
            depth--;
            return statements;
          }
          next();
          statement(statements);
        }
        default -> {
          if (!ends.isEmpty()) {
            throw TemplateException.at(
                token.line(), "expected one of %s, found %s".formatted(ends, token));
          }
          depth--;
          return statements;
        }
      }
    }
  }

  private void statement(List<Statement> to) {
    Token tag = next();
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
        endBlock();
        to.add(new Statement.FilterBlock(line, filters, bodyUntil("endfilter")));
      }
      case "generation" -> { // what the model said, marked for training
        endBlock();
        to.add(new Statement.With(line, List.of(), List.of(), bodyUntil("endgeneration")));
      }
      case "break", "continue" -> {
        if (loops == 0) {
          throw TemplateException.at(line, tag + " outside of a loop");
        }
        endBlock();
        to.add(tag.isName("break") ? new Statement.Break(line) : new Statement.Continue(line));
      }
      default -> throw TemplateException.at(line, "unknown tag " + tag);
    }
  }

  private List<Statement> bodyUntil(String end) {
    List<Statement> body = body(Set.of(end));
    next();
    next();
    endBlock();
    return body;
  }

  private Statement ifStatement(int line) {
    List<Expression> conditions = new ArrayList<>();
    List<List<Statement>> bodies = new ArrayList<>();
    conditions.add(tuple());
    endBlock();
    while (true) {
      bodies.add(body(Set.of("elif", "else", "endif")));
      next();
      switch (next().text()) {
        case "elif" -> {
          conditions.add(tuple());
          endBlock();
        }
        case "else" -> {
          conditions.add(new Expression.Literal(true));
          endBlock();
          bodies.add(bodyUntil("endif"));
          return new Statement.If(line, conditions, bodies);
        }
        default -> {
          endBlock();
          return new Statement.If(line, conditions, bodies);
        }
      }
    }
  }

  private Statement forStatement(int line) {
    List<String> targets = targets();
    if (!next().isName("in")) {
      at--;
      throw unexpected("'in'");
    }
    Expression items = tuple(false);
    Optional<Expression> filter = skipName("if") ? Optional.of(expression()) : Optional.empty();
    boolean recursive = skipName("recursive");
    endBlock();
    loops++;
    List<Statement> body = body(Set.of("else", "endfor"));
    loops--;
    next();
    List<Statement> otherwise = List.of();
    if (next().isName("else")) {
      endBlock();
      otherwise = bodyUntil("endfor");
    } else {
      endBlock();
    }
    return new Statement.For(line, targets, items, filter, recursive, body, otherwise);
  }

  private Statement setStatement(int line) {
    List<String> targets = targets();
    Optional<String> attribute = Optional.empty();
    if (targets.size() == 1 && skip(".")) {
      attribute = Optional.of(name());
    }
    if (skip("=")) {
      Expression value = tuple();
      endBlock();
      return new Statement.Set(line, targets, attribute, value);
    }
    List<Statement.Filtering> filters = filterings();
    endBlock();
    if (targets.size() != 1 || attribute.isPresent()) {
      throw unexpected("'='");
    }
    return new Statement.Capture(line, targets.getFirst(), filters, bodyUntil("endset"));
  }

  private Statement macro(int line) {
    String name = name();
    expectOperator("(");
    List<String> parameters = new ArrayList<>();
    List<Optional<Expression>> defaults = new ArrayList<>();
    while (!skip(")")) {
      if (!parameters.isEmpty()) {
        expectOperator(",");
      }
      parameters.add(name());
      defaults.add(skip("=") ? Optional.of(expression()) : Optional.empty());
    }
    endBlock();
    int outer = loops;
    loops = 0;
    List<Statement> body = bodyUntil("endmacro");
    loops = outer;
    return new Statement.Macro(line, name, parameters, defaults, body);
  }

  private Statement with(int line) {
    List<String> names = new ArrayList<>();
    List<Expression> values = new ArrayList<>();
    while (peek().kind() != Kind.BLOCK_END) {
      if (!names.isEmpty()) {
        expectOperator(",");
      }
      names.add(name());
      expectOperator("=");
      values.add(expression());
    }
    endBlock();
    return new Statement.With(line, names, values, bodyUntil("endwith"));
  }

  private List<Statement.Filtering> filterings() {
    List<Statement.Filtering> filters = new ArrayList<>();
    while (skip("|")) {
      filters.add(filtering());
    }
    return filters;
  }

  private Statement.Filtering filtering() {
    String name = filterName();
    return new Statement.Filtering(name, skip("(") ? arguments() : Arguments.NONE);
  }

  private String filterName() {
    String name = name();
    if (!Filters.NAMES.contains(name)) {
      throw TemplateException.at(peek().line(), "no filter named '%s'".formatted(name));
    }
    return name;
  }

  /** One name or several, perhaps between parentheses. */
  private List<String> targets() {
    boolean open = skip("(");
    List<String> names = new ArrayList<>(List.of(name()));
    while (skip(",")) {
      names.add(name());
    }
    if (open) {
      expectOperator(")");
    }
    return names;
  }

  private Expression tuple() {
    return tuple(true);
  }

  /** An expression, or several with commas between, which make a tuple. */
  private Expression tuple(boolean conditional) {
    Expression first = conditional ? expression() : or();
    if (!peek().isOperator(",")) {
      return first;
    }
    List<Expression> items = new ArrayList<>(List.of(first));
    while (skip(",") && startsExpression()) {
      items.add(conditional ? expression() : or());
    }
    return new Expression.ListOf(items);
  }

  private boolean startsExpression() {
    Token token = peek();
    return switch (token.kind()) {
      case BLOCK_END, VARIABLE_END, END -> false;
      case OPERATOR -> "([{+-".contains(token.text());
      default -> true;
    };
  }

  private Expression expression() {
    enter();
    Expression value = or();
    while (skipName("if")) {
      Expression condition = or();
      Optional<Expression> otherwise =
          skipName("else") ? Optional.of(expression()) : Optional.empty();
      value = new Expression.Conditional(condition, value, otherwise);
    }
    depth--;
    return value;
  }

  private Expression or() {
    Expression left = and();
    while (skipName("or")) {
      left = new Expression.Binary("or", left, and());
    }
    return left;
  }

  private Expression and() {
    Expression left = not();
    while (skipName("and")) {
      left = new Expression.Binary("and", left, not());
    }
    return left;
  }

  private Expression not() {
    if (skipName("not")) {
      enter();
      Expression operand = not();
      depth--;
      return new Expression.Unary("not", operand);
    }
    return comparison();
  }

  private Expression comparison() {
    List<Expression> operands = new ArrayList<>(List.of(sum()));
    List<String> operators = new ArrayList<>();
    while (true) {
      Token token = peek();
      if (token.kind() == Kind.OPERATOR && COMPARISONS.contains(token.text())) {
        operators.add(next().text());
      } else if (token.isName("in")) {
        next();
        operators.add("in");
      } else if (token.isName("not") && tokens.get(at + 1).isName("in")) {
        next();
        next();
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
    while (peek().isOperator("+") || peek().isOperator("-")) {
      left = new Expression.Binary(next().text(), left, concatenation());
    }
    return left;
  }

  private Expression concatenation() {
    Expression left = product();
    while (skip("~")) {
      left = new Expression.Binary("~", left, product());
    }
    return left;
  }

  private Expression product() {
    Expression left = power();
    while (peek().kind() == Kind.OPERATOR && Set.of("*", "/", "//", "%").contains(peek().text())) {
      left = new Expression.Binary(next().text(), left, power());
    }
    return left;
  }

  private Expression power() {
    Expression left = unary(true);
    while (skip("**")) {
      left = new Expression.Binary("**", left, unary(true));
    }
    return left;
  }

  private Expression unary(boolean filtered) {
    enter();
    Expression value;
    if (peek().isOperator("-") || peek().isOperator("+")) {
      value = new Expression.Unary(next().text(), unary(false));
    } else {
      value = postfix(primary());
    }
    depth--;
    return filtered ? filters(value) : value;
  }

  private Expression primary() {
    Token token = next();
    switch (token.kind()) {
      case NAME -> {
        if (KEYWORDS.contains(token.text())) {
          at--;
          throw unexpected("a value");
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
        while (peek().kind() == Kind.STRING) {
          text.append(next().text());
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
    at--;
    throw unexpected("a value");
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
    if (skip(")")) {
      return new Expression.ListOf(List.of());
    }
    Expression value = tuple();
    expectOperator(")");
    return value;
  }

  private List<Expression> items(String end) {
    List<Expression> items = new ArrayList<>();
    while (!skip(end)) {
      if (!items.isEmpty()) {
        expectOperator(",");
        if (skip(end)) {
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
    while (!skip("}")) {
      if (!keys.isEmpty()) {
        expectOperator(",");
        if (skip("}")) {
          break;
        }
      }
      keys.add(expression());
      expectOperator(":");
      values.add(expression());
    }
    return new Expression.DictOf(keys, values);
  }

  private Expression postfix(Expression value) {
    while (true) {
      if (skip(".")) {
        Token name = next();
        value =
            switch (name.kind()) {
              case NAME -> new Expression.Attribute(value, name.text());
              case INTEGER -> new Expression.Index(value, new Expression.Literal(number(name)));
              default -> {
                at--;
                throw unexpected("a name");
              }
            };
      } else if (skip("[")) {
        value = subscript(value);
      } else if (skip("(")) {
        value = new Expression.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression subscript(Expression value) {
    if (!peek().isOperator(":")) {
      Expression index = tuple();
      if (skip("]")) {
        return new Expression.Index(value, index);
      }
      return slice(value, Optional.of(index));
    }
    return slice(value, Optional.empty());
  }

  private Expression slice(Expression value, Optional<Expression> from) {
    expectOperator(":");
    Optional<Expression> to = bound();
    Optional<Expression> step = skip(":") ? bound() : Optional.empty();
    expectOperator("]");
    return new Expression.Slice(value, from, to, step);
  }

  private Optional<Expression> bound() {
    return peek().isOperator(":") || peek().isOperator("]")
        ? Optional.empty()
        : Optional.of(expression());
  }

  private Expression filters(Expression value) {
    while (true) {
      if (skip("|")) {
        String name = filterName();
        value = new Expression.Filter(value, name, skip("(") ? arguments() : Arguments.NONE);
      } else if (skipName("is")) {
        value = test(value);
      } else if (skip("(")) {
        value = new Expression.Call(value, arguments());
      } else {
        return value;
      }
    }
  }

  private Expression test(Expression value) {
    boolean negated = skipName("not");
    int line = peek().line();
    String name = name();
    if (!Tests.NAMES.contains(name)) {
      throw TemplateException.at(line, "no test named '%s'".formatted(name));
    }
    Arguments arguments = Arguments.NONE;
    if (skip("(")) {
      arguments = arguments();
    } else if (startsTestArgument()) {
      arguments = new Arguments(List.of(postfix(primary())), List.of(), List.of());
    }
    Expression test = new Expression.Test(value, name, arguments);
    return negated ? new Expression.Unary("not", test) : test;
  }

  private boolean startsTestArgument() {
    Token token = peek();
    return switch (token.kind()) {
      case NAME -> !KEYWORDS.contains(token.text());
      case STRING, INTEGER, FLOAT -> true;
      case OPERATOR -> token.isOperator("[") || token.isOperator("{");
      default -> false;
    };
  }

  private Arguments arguments() {
    List<Expression> values = new ArrayList<>();
    List<String> names = new ArrayList<>();
    List<Expression> named = new ArrayList<>();
    while (!skip(")")) {
      if (!values.isEmpty() || !names.isEmpty()) {
        expectOperator(",");
        if (skip(")")) {
          break;
        }
      }
      if (peek().kind() == Kind.NAME && tokens.get(at + 1).isOperator("=")) {
        names.add(next().text());
        next();
        named.add(expression());
      } else if (names.isEmpty()) {
        values.add(expression());
      } else {
        throw unexpected("a named argument");
      }
    }
    return new Arguments(values, names, named);
  }

  private void enter() {
    if (++depth > DEEPEST) {
      throw TemplateException.at(peek().line(), "too much within each other");
    }
  }

  private Token peek() {
    return tokens.get(at);
  }

  private Token next() {
    Token token = tokens.get(at);
    if (token.kind() != Kind.END) {
      at++;
    }
    return token;
  }

  private boolean skip(String operator) {
    boolean found = peek().isOperator(operator);
    at += found ? 1 : 0;
    return found;
  }

  private boolean skipName(String name) {
    boolean found = peek().isName(name);
    at += found ? 1 : 0;
    return found;
  }

  private String name() {
    if (peek().kind() != Kind.NAME) {
      throw unexpected("a name");
    }
    return next().text();
  }

  private void expectOperator(String operator) {
    if (!skip(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  private void endBlock() {
    expect(Kind.BLOCK_END, "%}");
  }

  private void expect(Kind kind, String word) {
    if (peek().kind() != kind) {
      throw unexpected("'" + word + "'");
    }
    at++;
  }

  private TemplateException unexpected(String expected) {
    return TemplateException.at(peek().line(), "expected %s, found %s".formatted(expected, peek()));
  }
}
