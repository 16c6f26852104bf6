package dev.phial.engine.tokenizer;

import dev.phial.engine.tokenizer.SplitExpression.Item;
import dev.phial.engine.tokenizer.SplitExpression.Refused;
import java.util.ArrayList;
import java.util.List;
import java.util.function.IntPredicate;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Reads the regular expressions that split text, in Oniguruma's syntax, as far as tokenizers use
 * it: alternatives of characters and classes, the quantifiers {@code ? * +} and {@code {n,m}},
 * groups of words, and {@code (?!class)} at the end.
 */
final class SplitParser {
  private static final int MOST_TIMES = 16;
  private static final int LONGEST_WORD = 8;
  private static final Pattern COUNTS = Pattern.compile("\\{(\\d{1,2})(?:,(\\d{1,2}))?\\}");
  private static final Pattern PROPERTY = Pattern.compile("\\{(\\w+)\\}");

  private final String expression;
  private final CharacterClass.Factory classes;
  private int at;

  SplitParser(String expression) {
    this.expression = expression;
    this.classes = new CharacterClass.Factory(expression);
  }

  /**
   * @throws Refused if it holds anything else
   */
  SplitExpression parse() throws Refused {
    List<List<Item>> alternatives = new ArrayList<>();
    do {
      List<Item> items = new ArrayList<>();
      while (!isAtEnd() && peek() != '|') {
        items.add(item());
      }
      alternatives.add(items);
    } while (skip("|"));
    return new SplitExpression(alternatives, classes.of(CharacterClass::isBlank));
  }

  private Item item() throws Refused {
    if (skip("(?!")) {
      CharacterClass members = oneCharacter();
      expect(")");
      return new Item.NotBefore(members);
    }
    if (skip("(?:") || skip("(?i:")) {
      return words();
    }
    CharacterClass members = oneCharacter();
    Matcher counts = COUNTS.matcher(expression).region(at, expression.length());
    if (counts.lookingAt()) {
      at = counts.end();
      int least = Integer.parseInt(counts.group(1));
      int most = counts.group(2) == null ? least : Integer.parseInt(counts.group(2));
      if (most > MOST_TIMES || most < least || isAtQuantifier()) {
        throw refused("a count");
      }
      return new Item.Characters(members, least, most, false);
    }
    boolean isOptional = skip("?");
    boolean isRepeated = !isOptional && skip("*");
    boolean isNeeded = !isOptional && !isRepeated;
    isRepeated |= isNeeded && skip("+");
    boolean isPossessive = (isOptional || isRepeated) && skip("+");
    if (isAtQuantifier()) {
      throw refused("a quantifier");
    }
    return new Item.Characters(
        members, isNeeded ? 1 : 0, isRepeated ? Item.UNLIMITED : 1, isPossessive);
  }

  /** The rest of a group: words to choose from, of characters and classes. */
  private Item words() throws Refused {
    int count = 0;
    do {
      int length = 0;
      while (peek() != '|' && peek() != ')') {
        oneCharacter();
        length++;
        if (isAtQuantifier() || length > LONGEST_WORD) {
          throw refused("more than a short word in a group");
        }
      }
      count++;
    } while (skip("|"));
    expect(")");
    boolean isOptional = skip("?");
    if (isAtQuantifier()) {
      throw refused("a quantifier after a group");
    }
    return new Item.Words(count, isOptional);
  }

  private boolean isAtQuantifier() {
    return !isAtEnd() && "?*+{".indexOf(expression.charAt(at)) >= 0;
  }

  /** A character, a dot, an escape or a class between brackets. */
  private CharacterClass oneCharacter() throws Refused {
    int c = next();
    return switch (c) {
      case '.' -> classes.of(other -> other != '\n');
      case '\\' -> classes.of(escaped());
      case '[' -> classes.of(brackets());
      case '^', '$', '(', ')', '|', '?', '*', '+', '{', '}', ']' -> {
        at--;
        throw refused("'%c'".formatted(c));
      }
      default -> classes.of(other -> other == c);
    };
  }

  /** What a class between brackets matches. */
  private IntPredicate brackets() throws Refused {
    boolean isNegated = skip("^");
    IntPredicate members = member();
    while (!skip("]")) {
      members = members.or(member());
    }
    return isNegated ? members.negate() : members;
  }

  /** A character, an escape or a range within brackets. */
  private IntPredicate member() throws Refused {
    int c = next();
    if (c == '\\') {
      IntPredicate escaped = escaped();
      if (!isAtEnd() && peek() == '-' && !expression.startsWith("-]", at)) {
        throw refused("a range from an escape");
      }
      return escaped;
    }
    if (c == '[' || c == ']' || c == '&' && peek() == '&') {
      throw refused("a class within a class");
    }
    if (c == '-' || peek() != '-' || expression.startsWith("-]", at)) {
      return other -> other == c;
    }
    next(); // the hyphen
    int last = next();
    if (last < c || "\\[]&-".indexOf(last) >= 0 || !CharacterClass.canBeInRange(last)) {
      throw refused("a range");
    }
    return other -> other >= c && other <= last;
  }

  /** What is matched by the escape whose backslash has been read. */
  private IntPredicate escaped() throws Refused {
    int c = next();
    return switch (c) {
      case 'r' -> other -> other == '\r';
      case 'n' -> other -> other == '\n';
      case 't' -> other -> other == '\t';
      case 's' -> CharacterClass::isBlank;
      case 'S' -> other -> !CharacterClass.isBlank(other);
      case 'd' -> category("Nd");
      case 'p' -> property();
      case 'P' -> property().negate();
      default -> {
        if (c >= 128 || Character.isLetterOrDigit(c)) {
          throw refused("the escape \\%s".formatted(Character.toString(c)));
        }
        yield other -> other == c;
      }
    };
  }

  private IntPredicate property() throws Refused {
    Matcher name = PROPERTY.matcher(expression).region(at, expression.length());
    if (!name.lookingAt()) {
      throw refused("\\p without a name");
    }
    IntPredicate members = category(name.group(1));
    at = name.end();
    return members;
  }

  private IntPredicate category(String name) throws Refused {
    return CharacterClass.category(name)
        .orElseThrow(() -> refused("the property %s".formatted(name)));
  }

  private boolean isAtEnd() {
    return at == expression.length();
  }

  private char peek() throws Refused {
    if (isAtEnd()) {
      throw refused("the end");
    }
    return expression.charAt(at);
  }

  private int next() throws Refused {
    peek();
    int c = expression.codePointAt(at);
    at += Character.charCount(c);
    return c;
  }

  private boolean skip(String text) {
    boolean found = expression.startsWith(text, at);
    at += found ? text.length() : 0;
    return found;
  }

  private void expect(String text) throws Refused {
    if (!skip(text)) {
      throw refused("something else than '%s'".formatted(text));
    }
  }

  private Refused refused(String what) {
    return new Refused("%s at character %d".formatted(what, at + 1));
  }
}
