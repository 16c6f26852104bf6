package dev.phial.engine.tokenizer;

import java.util.List;

/**
 * A text as tokens.
 *
 * @param ids {@code [tokens]}
 * @param pieces {@code [tokens]}, each as the vocabulary spells it
 */
public record Encoding(int[] ids, List<String> pieces) {
  public Encoding {
    pieces = List.copyOf(pieces);
  }
}
