package dev.phial.engine.jinja;

import dev.phial.engine.jinja.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Cuts a template into tokens as Jinja2's lexer does with {@code trim_blocks} and {@code
 * lstrip_blocks}, the way transformers sets it up: a block takes the newline after it and, alone on
 * its line, the blanks before it; a minus sign takes all blank space, a plus sign none.
 */
final class Lexer {
  /** The longest first. */
  private static final List<String> OPERATORS =
      List.of(
          "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{",
          "}", ">", "<", "=", ".", ":", "|", ",");

  private final String source;
  private final List<Token> tokens = new ArrayList<>();
  private int at;
  private int line = 1;
  private boolean startsLine = true; // whether the text to come does

  private Lexer(String source) {
    this.source = source;
  }

  /**
   * @throws TemplateException if something is not closed, or is no word of the language
   */
  static List<Token> tokens(String template) {
    String source = template.replace("\r\n", "\n").replace('\r', '\n');
    if (source.endsWith("\n")) {
      source = source.substring(0, source.length() - 1);
    }
    Lexer lexer = new Lexer(source);
    lexer.run();
    return lexer.tokens;
  }

  private void run() {
    while (at < source.length()) {
      int start = nextStart();
      if (start < 0) {
        addText(source.substring(at));
        at = source.length();
        break;
      }
      String text = source.substring(at, start);
      char type = source.charAt(start + 1);
      char sign = start + 2 < source.length() ? source.charAt(start + 2) : ' ';
      String left = beforeTag(text, type, sign);
      addText(left);
      line += newlines(text) - newlines(left);
      at = start + 2 + (sign == '-' || sign == '+' ? 1 : 0);
      switch (type) {
        case '#' -> comment();
        case '{' -> expression(Kind.VARIABLE_START, Kind.VARIABLE_END, "}}");
        default -> {
          if (!raw()) {
            expression(Kind.BLOCK_START, Kind.BLOCK_END, "%}");
          }
        }
      }
      startsLine = at > 0 && source.charAt(at - 1) == '\n';
    }
    tokens.add(new Token(Kind.END, "", line));
  }

  /** Where the next tag starts, or -1. */
  private int nextStart() {
    for (int i = at; i + 1 < source.length(); i++) {
      if (source.charAt(i) == '{' && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
        return i;
      }
    }
    return -1;
  }

  /** What a tag leaves of the text before it. */
  private String beforeTag(String text, char type, char sign) {
    if (sign == '-') {
      return Texts.stripEnd(text);
    }
    if (sign == '+' || type == '{') {
      return text;
    }
    int lineStart = text.lastIndexOf('\n') + 1;
    boolean isAlone =
        (lineStart > 0 || startsLine) && Texts.strip(text.substring(lineStart)).isEmpty();
    return isAlone ? text.substring(0, lineStart) : text;
  }

  private void addText(String text) {
    if (!text.isEmpty()) {
      tokens.add(new Token(Kind.TEXT, text, line));
      line += newlines(text);
    }
  }

  private void comment() {
    int end = source.indexOf("#}", at);
    if (end < 0) {
      throw TemplateException.at(line, "a comment is not closed");
    }
    line += newlines(source.substring(at, end));
    char sign = end > at ? source.charAt(end - 1) : ' ';
    at = end + 2;
    afterTag(sign, true);
  }

  /** Takes the blank space that belongs to a tag's end. */
  private void afterTag(char sign, boolean takesNewline) {
    if (sign == '-') {
      while (at < source.length() && Texts.isBlank(source.charAt(at))) {
        line += source.charAt(at) == '\n' ? 1 : 0;
        at++;
      }
    } else if (sign != '+' && takesNewline && at < source.length() && source.charAt(at) == '\n') {
      at++;
      line++;
    }
  }

  /** A block whose content is no template. */
  private boolean raw() {
    int start = at;
    skipBlanks();
    if (!source.startsWith("raw", at)) {
      at = start;
      return false;
    }
    at += "raw".length();
    skipBlanks();
    boolean strips = source.startsWith("-%}", at);
    if (!strips && !source.startsWith("%}", at)) {
      at = start;
      return false;
    }
    at += strips ? 3 : 2;
    afterTag(strips ? '-' : ' ', false);
    for (int i = source.indexOf("{%", at); i >= 0; i = source.indexOf("{%", i + 1)) {
      char sign = i + 2 < source.length() ? source.charAt(i + 2) : ' ';
      int name = i + 2 + (sign == '-' || sign == '+' ? 1 : 0);
      while (name < source.length() && Texts.isBlank(source.charAt(name))) {
        name++;
      }
      if (source.startsWith("endraw", name)) {
        startsLine = at > 0 && source.charAt(at - 1) == '\n';
        addText(beforeTag(source.substring(at, i), '%', sign));
        at = name + "endraw".length();
        skipBlanks();
        char end = at < source.length() ? source.charAt(at) : ' ';
        at += end == '-' || end == '+' ? 1 : 0;
        if (!source.startsWith("%}", at)) {
          throw TemplateException.at(line, "endraw is not closed");
        }
        at += 2;
        afterTag(end, true);
        return true;
      }
    }
    throw TemplateException.at(line, "raw is not closed");
  }

  private void skipBlanks() {
    while (at < source.length() && Texts.isBlank(source.charAt(at))) {
      line += source.charAt(at) == '\n' ? 1 : 0;
      at++;
    }
  }

  private void expression(Kind start, Kind end, String closing) {
    tokens.add(new Token(start, "", line));
    Deque<Character> open = new ArrayDeque<>(); // what brackets wait for
    while (true) {
      skipBlanks();
      if (at >= source.length()) {
        throw TemplateException.at(line, "expected %s, found the end".formatted(closing));
      }
      if (open.isEmpty()) {
        char sign = source.charAt(at);
        boolean isSigned = (sign == '-' || sign == '+' && end == Kind.BLOCK_END);
        if (source.startsWith(closing, at + (isSigned ? 1 : 0))) {
          at += closing.length() + (isSigned ? 1 : 0);
          tokens.add(new Token(end, closing, line));
          afterTag(sign, end == Kind.BLOCK_END);
          return;
        }
      }
      word(open);
    }
  }

  private void word(Deque<Character> open) {
    char c = source.charAt(at);
    if (c == '\'' || c == '"') {
      string(c);
    } else if (c >= '0' && c <= '9') {
      number();
    } else if (Character.isUnicodeIdentifierStart(c) || c == '_') {
      int start = at;
      while (at < source.length() && Character.isUnicodeIdentifierPart(source.charAt(at))) {
        at++;
      }
      tokens.add(new Token(Kind.NAME, source.substring(start, at), line));
    } else {
      operator(open);
    }
  }

  private void operator(Deque<Character> open) {
    for (String operator : OPERATORS) {
      if (source.startsWith(operator, at)) {
        char c = operator.charAt(0);
        int bracket = "([{".indexOf(c);
        if (bracket >= 0) {
          open.push(")]}".charAt(bracket));
        } else if (")]}".indexOf(c) >= 0 && (open.isEmpty() || open.pop() != c)) {
          throw TemplateException.at(line, "'%s' closes nothing".formatted(operator));
        }
        tokens.add(new Token(Kind.OPERATOR, operator, line));
        at += operator.length();
        return;
      }
    }
    throw TemplateException.at(
        line, "unexpected character '%s'".formatted(Character.toString(source.codePointAt(at))));
  }

  private void number() {
    int start = at;
    digits();
    boolean isFloat = false;
    if (at + 1 < source.length() && source.charAt(at) == '.' && isDigit(source.charAt(at + 1))) {
      isFloat = true;
      at++;
      digits();
    }
    if (at < source.length() && (source.charAt(at) == 'e' || source.charAt(at) == 'E')) {
      int exponent = at + 1;
      if (exponent < source.length() && "+-".indexOf(source.charAt(exponent)) >= 0) {
        exponent++;
      }
      if (exponent < source.length() && isDigit(source.charAt(exponent))) {
        isFloat = true;
        at = exponent;
        digits();
      }
    }
    String text = source.substring(start, at).replace("_", "");
    tokens.add(new Token(isFloat ? Kind.FLOAT : Kind.INTEGER, text, line));
  }

  private void digits() {
    while (at < source.length() && (isDigit(source.charAt(at)) || source.charAt(at) == '_')) {
      at++;
    }
  }

  private static boolean isDigit(char c) {
    return c >= '0' && c <= '9';
  }

  private void string(char quote) {
    int end = at + 1;
    while (end < source.length() && source.charAt(end) != quote) {
      end += source.charAt(end) == '\\' ? 2 : 1;
    }
    if (end >= source.length()) {
      throw TemplateException.at(line, "a string is not closed");
    }
    String text = source.substring(at + 1, end);
    try {
      tokens.add(new Token(Kind.STRING, Texts.unescape(text), line));
    } catch (TemplateException e) {
      throw e.at(line);
    }
    line += newlines(text);
    at = end + 1;
  }

  private static int newlines(String text) {
    return (int) text.chars().filter(c -> c == '\n').count();
  }
}
