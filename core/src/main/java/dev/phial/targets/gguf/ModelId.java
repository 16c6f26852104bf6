package dev.phial.targets.gguf;

import java.util.ArrayList;
import java.util.EnumSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;

/**
 * What a name such as {@code microsoft/Phi-3.5-mini-instruct} says about a model, guessed word by
 * word as gguf-py's {@code Metadata.get_model_id_components} guesses, so that the same folder gets
 * the same metadata.
 */
record ModelId(
    String name,
    Optional<String> organization,
    Optional<String> basename,
    Optional<String> finetune,
    Optional<String> version,
    Optional<String> sizeLabel) {

  private enum Kind {
    BASENAME,
    SIZE,
    FINETUNE,
    VERSION,
    TYPE
  }

  private static final Pattern VERSION = pattern("(v|iter)?\\d+([.]\\d+)*");
  private static final Pattern TYPE = pattern("i?q\\d(_\\w)*|b?fp?(16|32)");
  private static final Pattern SIZE =
      pattern("(([A]|\\d+[x])?\\d+([._]\\d+)?[KMBT][\\d]?|small|mini|medium|large|x?xl)");
  private static final Pattern FINETUNE = pattern("chat|instruct|vision|lora");
  private static final Pattern NUMBERED = Pattern.compile("^(v\\d+(?:\\.\\d+)*|\\d.*)$");

  private static Pattern pattern(String regex) {
    return Pattern.compile(regex, Pattern.CASE_INSENSITIVE);
  }

  /**
   * @param parameters of the model, to tell a size from a context length
   */
  static ModelId parse(String id, long parameters) {
    if (id.contains(" ")) {
      return new ModelId(
          id,
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty(),
          Optional.empty());
    }
    int slash = id.indexOf('/');
    String name = id.substring(slash + 1);
    Optional<String> organization =
        slash < 0 || id.startsWith(".") ? Optional.empty() : Optional.of(id.substring(0, slash));
    Words words = new Words(name, parameters);
    Optional<String> sizeLabel =
        join(new LinkedHashSet<>(words.select((i, kinds) -> kinds.contains(Kind.SIZE))));
    Optional<String> finetune = join(words.select((i, kinds) -> kinds.contains(Kind.FINETUNE)));
    Optional<String> version =
        join(
            words.select(
                (i, kinds) -> kinds.contains(Kind.VERSION) && !kinds.contains(Kind.BASENAME)));
    Optional<String> basename = join(words.select((i, kinds) -> kinds.contains(Kind.BASENAME)));
    if (sizeLabel.isEmpty() && finetune.isEmpty() && version.isEmpty()) {
      basename = Optional.empty(); // one word alone says too little
    }
    return new ModelId(name, organization, basename, finetune, version, sizeLabel);
  }

  /**
   * {@code phi-3.5-mini} → {@code Phi 3.5 Mini}: words in lower case get a capital, versions stay.
   */
  static String title(String id) {
    return Pattern.compile("\\s+")
        .splitAsStream(id.strip().replace('-', ' '))
        .filter(word -> !word.isEmpty())
        .map(word -> isLower(word) && !NUMBERED.matcher(word).matches() ? capitalize(word) : word)
        .collect(Collectors.joining(" "));
  }

  /** Python's {@code islower}: some letter has a case, and none is upper. */
  private static boolean isLower(String word) {
    return word.chars().anyMatch(Character::isLowerCase)
        && word.chars().noneMatch(c -> Character.isUpperCase(c) || Character.isTitleCase(c));
  }

  /** Python's {@code title}: every letter that follows no letter becomes a capital. */
  private static String capitalize(String word) {
    StringBuilder result = new StringBuilder();
    boolean afterLetter = false;
    for (int i = 0; i < word.length(); i++) {
      char c = word.charAt(i);
      result.append(afterLetter ? c : Character.toTitleCase(c));
      afterLetter = Character.isLetter(c);
    }
    return result.toString();
  }

  private static Optional<String> join(java.util.Collection<String> words) {
    return words.isEmpty() ? Optional.empty() : Optional.of(String.join("-", words));
  }

  /** The words of a name, each with what it may be. */
  private static final class Words {
    private final List<String> words = new ArrayList<>();
    private final List<Set<Kind>> kinds = new ArrayList<>();

    Words(String name, long parameters) {
      for (String word : name.split("-", -1)) {
        if (!word.isEmpty()) {
          words.add(word);
          kinds.add(EnumSet.noneOf(Kind.class));
        }
      }
      for (int i = 0; i < words.size(); i++) {
        annotate(i, parameters);
      }
      dropWordSizes();
      findBasename();
    }

    List<String> select(BiPredicate<Integer, Set<Kind>> which) {
      return IntStream.range(0, words.size())
          .filter(i -> which.test(i, kinds.get(i)))
          .mapToObj(words::get)
          .toList();
    }

    private void annotate(int i, long parameters) {
      String word = words.get(i);
      if (VERSION.matcher(word).matches()) {
        kinds.get(i).add(Kind.VERSION);
      } else if (TYPE.matcher(word).matches()) {
        kinds.get(i).add(Kind.TYPE);
        words.set(i, word.toUpperCase(java.util.Locale.ROOT));
      } else if (i > 0 && SIZE.matcher(word).matches()) {
        annotateSize(i, parameters);
      } else if (i > 0 && FINETUNE.matcher(word).matches()) {
        kinds.get(i).add(Kind.FINETUNE);
      }
    }

    private void annotateSize(int i, long parameters) {
      String word = words.get(i).replace('_', '.');
      int last = word.length() - 1;
      if (Character.isDigit(word.charAt(last))) { // 7b1 means 7.1b
        word = word.substring(0, last - 1) + "." + word.charAt(last) + word.charAt(last - 1);
        last++;
      }
      char unit = word.charAt(last);
      if (Character.isDigit(word.charAt(last - 1)) && "kmbt".indexOf(unit) >= 0) {
        word = word.substring(0, last) + Character.toUpperCase(unit);
      }
      if (parameters != 0 && isOff(word, parameters)) {
        kinds.get(i).add(Kind.FINETUNE); // a context length, rather: 128k
        word = word.substring(0, last) + Character.toLowerCase(word.charAt(last));
      } else {
        kinds.get(i).add(Kind.SIZE);
      }
      words.set(i, word);
    }

    /** Whether a size with a number is far from the number of parameters. */
    private static boolean isOff(String word, long parameters) {
      try {
        int power = " KMBT".indexOf(word.charAt(word.length() - 1));
        double size =
            Double.parseDouble(word.substring(0, word.length() - 1)) * Math.pow(1000, power);
        return Math.abs(size - parameters) > Math.floorDiv(7 * parameters, 8L);
      } catch (NumberFormatException e) {
        return false; // a word, or a mixture such as 8x7B
      }
    }

    /** Beside a size in numbers, one in words says nothing. */
    private void dropWordSizes() {
      boolean numbers =
          select((i, k) -> k.contains(Kind.SIZE)).stream()
              .anyMatch(w -> w.chars().anyMatch(Character::isDigit));
      for (int i = 0; numbers && i < words.size(); i++) {
        if (kinds.get(i).contains(Kind.SIZE)
            && words.get(i).chars().allMatch(Character::isLetter)) {
          kinds.get(i).remove(Kind.SIZE);
        }
      }
    }

    private void findBasename() {
      boolean atStart = true;
      for (int i = 0; i < words.size(); i++) {
        Set<Kind> kind = kinds.get(i);
        if (atStart
            && (kind.isEmpty() && Character.isLetter(words.get(i).charAt(0))
                || kind.contains(Kind.VERSION))) {
          kind.add(Kind.BASENAME);
        } else {
          atStart = false;
          if (kind.isEmpty()) {
            kind.add(Kind.FINETUNE);
          }
        }
      }
      // a version at the end belongs to the model, not to its name
      for (int i = words.size() - 1; i >= 0; i--) {
        if (!kinds.get(i).contains(Kind.BASENAME) || kinds.get(i).size() == 1) {
          break;
        }
        kinds.get(i).remove(Kind.BASENAME);
      }
    }
  }
}
