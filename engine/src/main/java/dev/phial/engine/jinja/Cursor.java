package dev.phial.engine.jinja;

import dev.phial.engine.jinja.Token.Kind;
import java.util.List;

/** A place in the tokens of a template, and how deep the parsers are there. */
final class Cursor {
  /** What may stand within each other: a hostile template must not overflow the stack. */
  private static final int DEEPEST = 200;

  private final List<Token> tokens;
  private int at;
  private int depth;

  Cursor(List<Token> tokens) {
    this.tokens = tokens;
  }

  /** Begins something that may hold others of its kind. */
  void enter() {
    if (++depth > DEEPEST) {
      throw TemplateException.at(line(), "too much within each other");
    }
  }

  void leave() {
    depth--;
  }

  int line() {
    return peek().line();
  }

  Token peek() {
    return tokens.get(at);
  }

  /** The token after the next. */
  Token second() {
    return tokens.get(Math.min(at + 1, tokens.size() - 1));
  }

  Token next() {
    Token token = tokens.get(at);
    if (token.kind() != Kind.END) {
      at++;
    }
    return token;
  }

  /** Goes back to the token before. */
  void back() {
    at--;
  }

  boolean skip(String operator) {
    boolean found = peek().isOperator(operator);
    at += found ? 1 : 0;
    return found;
  }

  boolean skipName(String name) {
    boolean found = peek().isName(name);
    at += found ? 1 : 0;
    return found;
  }

  String name() {
    if (peek().kind() != Kind.NAME) {
      throw unexpected("a name");
    }
    return next().text();
  }

  void expectOperator(String operator) {
    if (!skip(operator)) {
      throw unexpected("'" + operator + "'");
    }
  }

  void endBlock() {
    expect(Kind.BLOCK_END, "%}");
  }

  void expect(Kind kind, String word) {
    if (peek().kind() != kind) {
      throw unexpected("'" + word + "'");
    }
    at++;
  }

  TemplateException unexpected(String expected) {
    return TemplateException.at(line(), "expected %s, found %s".formatted(expected, peek()));
  }
}
