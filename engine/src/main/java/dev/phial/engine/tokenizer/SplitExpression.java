package dev.phial.engine.tokenizer;

import java.util.ArrayList;
import java.util.List;

/**
 * The expression by which a tokenizer splits text, as far as it says how long matching may take.
 * The library that matches it tries one way after the other, and ends the process when it has tried
 * ten million times in vain.
 *
 * <p>An expression is harmless if what is read at one place is matched there or soon after it. So
 * each alternative is one of these, after a few single characters:
 *
 * <ul>
 *   <li>short;
 *   <li>closed: a repetition, and then nothing that must follow: {@code \p{L}+}, {@code
 *       [^\s\p{L}]+[\r\n]*};
 *   <li>looking ahead: a repetition that no character of a second class follows, which is at least
 *       all but the last character repeated: {@code \s+(?!\S)};
 *   <li>open: a repetition that a class must follow, as in {@code \s*[\r\n]+}. It may read much in
 *       vain. Then the next alternative must match as much: it repeats at least the same characters
 *       and is closed or looks ahead.
 * </ul>
 */
final class SplitExpression {
  /** Open alternatives; each reads a word or gap, of which {@link Tokenizer} limits the length. */
  private static final int MOST_OPEN = 3;

  /** Ways in which the single characters of an alternative may be there or not. */
  private static final int MOST_WAYS = 64;

  private final List<List<Item>> alternatives;
  private final CharacterClass blanks;

  /**
   * @param blanks what {@code \\s} matches
   */
  SplitExpression(List<List<Item>> alternatives, CharacterClass blanks) {
    this.alternatives = alternatives;
    this.blanks = blanks;
  }

  /** A part of an alternative. */
  sealed interface Item {
    /** Characters of a class, {@code most} is {@link #UNLIMITED} if they are repeated. */
    record Characters(CharacterClass members, int least, int most, boolean isPossessive)
        implements Item {
      boolean isRepeated() {
        return most == UNLIMITED;
      }
    }

    /** Some words to choose from. */
    record Words(int count, boolean isOptional) implements Item {}

    /** No character of a class follows. */
    record NotBefore(CharacterClass members) implements Item {}

    int UNLIMITED = Integer.MAX_VALUE;

    /** Whether nothing has to be there. */
    default boolean isOptional() {
      return switch (this) {
        case Characters characters -> characters.least == 0;
        case Words words -> words.isOptional;
        case NotBefore notBefore -> false;
      };
    }
  }

  /** How far an alternative reads, and what for. */
  private enum Kind {
    SHORT,
    CLOSED,
    LOOKING_AHEAD,
    OPEN
  }

  /**
   * An alternative.
   *
   * @param items all of it
   * @param repeated the place of the first repetition; the number of items if there is none
   */
  private record Alternative(List<Item> items, int repeated, Kind kind) {
    Item.Characters repetition() {
      return (Item.Characters) items.get(repeated);
    }

    /** Whether it matches all of a run of characters wherever in the run it begins. */
    boolean takesRun(CharacterClass run) {
      return (kind == Kind.CLOSED || kind == Kind.LOOKING_AHEAD)
          && items.subList(0, repeated).stream().allMatch(Item::isOptional)
          && repetition().members().contains(run);
    }
  }

  /**
   * Makes sure that an expression is harmless.
   *
   * @throws Refused if it is not known to be
   */
  static void check(String expression) throws Refused {
    new SplitParser(expression).parse().check();
  }

  private void check() throws Refused {
    List<Alternative> all = new ArrayList<>();
    for (List<Item> items : alternatives) {
      all.add(alternative(items));
    }
    int open = 0;
    for (int i = 0; i < all.size(); i++) {
      Alternative alternative = all.get(i);
      if (alternative.kind == Kind.OPEN) {
        open++;
        CharacterClass run = alternative.repetition().members;
        if (open > MOST_OPEN || i + 1 == all.size() || !all.get(i + 1).takesRun(run)) {
          throw new Refused(
              "alternative %d may read much in vain, again and again".formatted(i + 1));
        }
      }
    }
  }

  private Alternative alternative(List<Item> items) throws Refused {
    if (items.stream().allMatch(item -> item.isOptional() || item instanceof Item.NotBefore)) {
      throw new Refused("an alternative may match nothing");
    }
    int repeated = 0;
    while (repeated < items.size() && !isRepetition(items.get(repeated))) {
      repeated++;
    }
    long ways = ways(items.subList(0, repeated));
    if (ways > MOST_WAYS) {
      throw new Refused("an alternative begins in too many ways");
    }
    if (repeated == items.size()) {
      return new Alternative(items, repeated, Kind.SHORT);
    }
    Item.Characters repetition = (Item.Characters) items.get(repeated);
    List<Item> after = items.subList(repeated + 1, items.size());
    if (after.stream().allMatch(Item::isOptional)) {
      return new Alternative(items, repeated, Kind.CLOSED);
    }
    if (repetition.isPossessive() || !after.stream().skip(1).allMatch(Item::isOptional)) {
      throw new Refused("more than a class of characters must follow a repetition");
    }
    return switch (after.getFirst()) {
      case Item.NotBefore next
          when after.size() == 1 && !next.members.intersects(repetition.members) ->
          new Alternative(items, repeated, Kind.LOOKING_AHEAD);
      case Item.Characters next
          when !next.isOptional() && ways <= 2 && isOfOneKind(repetition.members) ->
          new Alternative(items, repeated, Kind.OPEN);
      default -> throw new Refused("what must follow a repetition may be looked for too often");
    };
  }

  /** Whether all are blanks, or none is: of each kind texts have a limited number in a row. */
  private boolean isOfOneKind(CharacterClass members) {
    return blanks.contains(members) || !blanks.intersects(members);
  }

  private static boolean isRepetition(Item item) {
    return item instanceof Item.Characters characters && characters.isRepeated();
  }

  private static long ways(List<Item> items) {
    double ways = 1;
    for (Item item : items) {
      ways *=
          switch (item) {
            case Item.Characters characters -> characters.most - characters.least + 1;
            case Item.Words words -> words.count + (words.isOptional ? 1 : 0);
            case Item.NotBefore notBefore -> 1;
          };
    }
    return (long) ways;
  }

  /** An expression of which it is not known that it is harmless. */
  static final class Refused extends Exception {
    private static final long serialVersionUID = 1L;

    Refused(String message) {
      super(message, null, false, false);
    }
  }
}
