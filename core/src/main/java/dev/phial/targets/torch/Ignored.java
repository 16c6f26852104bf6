package dev.phial.targets.torch;

import dev.phial.PhialException;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/**
 * Linear layers that stay numbers, as llm-compressor's {@code ignore} names them: a whole name, or
 * {@code re:} and an expression that the beginning of one matches.
 */
final class Ignored {
  static final Ignored NONE = of(List.of());

  private static final String EXPRESSION = "re:";

  private final List<String> names;
  private final List<Pattern> patterns;

  private Ignored(List<String> names, List<Pattern> patterns) {
    this.names = names;
    this.patterns = patterns;
  }

  /**
   * @throws PhialException.Usage if one is no expression
   */
  static Ignored of(List<String> names) {
    List<Pattern> patterns = new ArrayList<>();
    for (String name : names) {
      try {
        patterns.add(
            name.startsWith(EXPRESSION)
                ? Pattern.compile(name.substring(EXPRESSION.length()))
                : Pattern.compile(Pattern.quote(name) + "$"));
      } catch (PatternSyntaxException e) {
        throw new PhialException.Usage(
            "--ignore: expected re: and a regular expression, found %s: %s"
                .formatted(name, e.getDescription()));
      }
    }
    return new Ignored(List.copyOf(names), patterns);
  }

  /** As they were given. */
  List<String> names() {
    return names;
  }

  boolean covers(String layer) {
    return patterns.stream().anyMatch(pattern -> pattern.matcher(layer).lookingAt());
  }

  /**
   * A slip in a name would change nothing, and nobody would notice.
   *
   * @throws PhialException.Usage if one names none of the layers
   */
  void check(List<String> layers) {
    for (int i = 0; i < names.size(); i++) {
      Pattern pattern = patterns.get(i);
      if (layers.stream().noneMatch(layer -> pattern.matcher(layer).lookingAt())) {
        throw new PhialException.Usage(
            "--ignore: expected the name of a linear layer such as %s, found %s"
                .formatted(layers.isEmpty() ? "none" : layers.getFirst(), names.get(i)));
      }
    }
  }
}
