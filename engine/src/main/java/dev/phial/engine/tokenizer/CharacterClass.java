package dev.phial.engine.tokenizer;

import java.util.BitSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.IntPredicate;

/**
 * The characters that a class of a split expression matches, told by samples: classes are made of
 * Unicode's categories, blanks and the characters they name, so a sample of each tells them apart.
 */
record CharacterClass(BitSet members) {
  /** Where ranges end: characters beyond are named one by one, or by category. */
  private static final int NEAR = 0x250;

  /** Where all blanks and a member of each category have been seen. */
  private static final int FAR = 0x20000;

  /** Categories to their members: a bit for each type of {@link Character#getType(int)}. */
  private static final Map<String, Integer> CATEGORIES = new HashMap<>();

  static {
    category("Lu", Character.UPPERCASE_LETTER);
    category("Ll", Character.LOWERCASE_LETTER);
    category("Lt", Character.TITLECASE_LETTER);
    category("Lm", Character.MODIFIER_LETTER);
    category("Lo", Character.OTHER_LETTER);
    category("Mn", Character.NON_SPACING_MARK);
    category("Mc", Character.COMBINING_SPACING_MARK);
    category("Me", Character.ENCLOSING_MARK);
    category("Nd", Character.DECIMAL_DIGIT_NUMBER);
    category("Nl", Character.LETTER_NUMBER);
    category("No", Character.OTHER_NUMBER);
    category("Pc", Character.CONNECTOR_PUNCTUATION);
    category("Pd", Character.DASH_PUNCTUATION);
    category("Ps", Character.START_PUNCTUATION);
    category("Pe", Character.END_PUNCTUATION);
    category("Pi", Character.INITIAL_QUOTE_PUNCTUATION);
    category("Pf", Character.FINAL_QUOTE_PUNCTUATION);
    category("Po", Character.OTHER_PUNCTUATION);
    category("Sm", Character.MATH_SYMBOL);
    category("Sc", Character.CURRENCY_SYMBOL);
    category("Sk", Character.MODIFIER_SYMBOL);
    category("So", Character.OTHER_SYMBOL);
    category("Zs", Character.SPACE_SEPARATOR);
    category("Zl", Character.LINE_SEPARATOR);
    category("Zp", Character.PARAGRAPH_SEPARATOR);
    category("Cc", Character.CONTROL);
    category("Cf", Character.FORMAT);
    category("Co", Character.PRIVATE_USE);
    category("Cn", Character.UNASSIGNED);
  }

  private static void category(String name, byte type) {
    CATEGORIES.merge(name, 1 << type, (a, b) -> a | b);
    CATEGORIES.merge(name.substring(0, 1), 1 << type, (a, b) -> a | b);
  }

  /** Makes the classes of one expression, which share their samples. */
  static final class Factory {
    private final int[] samples;

    /**
     * @param expression whose characters are samples too, as it may name them
     */
    Factory(String expression) {
      BitSet chosen = new BitSet();
      chosen.set(0, NEAR);
      expression.codePoints().forEach(chosen::set);
      int seen = 0; // categories with a member that the expression cannot name
      for (int c = NEAR; c < FAR; c++) {
        int type = 1 << Character.getType(c);
        if (isBlank(c) || (seen & type) == 0 && !chosen.get(c)) {
          seen |= type;
          chosen.set(c);
        }
      }
      samples = chosen.stream().toArray();
    }

    CharacterClass of(IntPredicate predicate) {
      BitSet members = new BitSet();
      for (int i = 0; i < samples.length; i++) {
        if (predicate.test(samples[i])) {
          members.set(i);
        }
      }
      return new CharacterClass(members);
    }
  }

  /** Whether a range may end with it. */
  static boolean canBeInRange(int c) {
    return c < NEAR;
  }

  /** What {@code \s} matches: Unicode's White_Space. */
  static boolean isBlank(int c) {
    return c >= 9 && c <= 13 || c == 0x85 || Character.isSpaceChar(c);
  }

  /** What {@code \p{name}} matches; nothing if no such category is known. */
  static Optional<IntPredicate> category(String name) {
    return Optional.ofNullable(CATEGORIES.get(name))
        .map(types -> c -> (1 << Character.getType(c) & types) != 0);
  }

  boolean contains(CharacterClass other) {
    BitSet rest = (BitSet) other.members.clone();
    rest.andNot(members);
    return rest.isEmpty();
  }

  boolean intersects(CharacterClass other) {
    return members.intersects(other.members);
  }
}
