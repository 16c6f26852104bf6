package dev.phial.engine.tokenizer;

import dev.phial.PhialException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.JsonNodeFactory;
import tools.jackson.databind.node.ObjectNode;

/**
 * The pieces of a SentencePiece vocabulary, and the merges that its scores imply: every way to put
 * a piece together from two others, better pieces first. Reproduces {@code generate_merges} of
 * transformers' {@code convert_slow_tokenizer.py}.
 */
final class ScoredPieces {
  /** Far above what trainers make, far below what would take long to cut in every way. */
  private static final int LONGEST = 128;

  private record Piece(String text, int id, float score) {}

  private record Merge(String left, String right, float score) {}

  private final Path file;
  private final Limits limits;
  private final List<Piece> pieces = new ArrayList<>();
  private final Map<String, Integer> ids = new HashMap<>();
  private final ObjectNode vocabulary = JsonNodeFactory.instance.objectNode();

  ScoredPieces(Path file) {
    this.file = file;
    this.limits = new Limits(file);
  }

  /**
   * A piece that text is put together from.
   *
   * @throws PhialException.BadInput if it is longer than any real one
   */
  void add(String text, int id, float score) {
    if (text.length() > LONGEST) {
      throw new PhialException.BadInput(
          "%s: token %d: expected at most %d characters, found %d"
              .formatted(file, id, LONGEST, text.length()));
    }
    limits.cut(text.length());
    pieces.add(new Piece(text, id, score));
    ids.put(text, id);
    addApart(text, id);
  }

  /** A piece that no merging gives: one for a byte, or for the unknown. */
  void addApart(String text, int id) {
    vocabulary.put(limits.token(text), id);
    limits.count("tokens", vocabulary.size());
  }

  String vocabulary() {
    return Definition.MAPPER.writeValueAsString(vocabulary);
  }

  String merges() {
    List<Merge> merges = new ArrayList<>();
    for (Piece piece : pieces) {
      addMerges(piece, merges);
    }
    // a stable sort: of merges to the same piece the first in the vocabulary comes first
    merges.sort(Comparator.comparing(Merge::score, Comparator.reverseOrder()));
    ArrayNode pairs = JsonNodeFactory.instance.arrayNode();
    for (Merge merge : merges) {
      pairs.addArray().add(merge.left).add(merge.right);
    }
    return Definition.MAPPER.writeValueAsString(pairs);
  }

  private void addMerges(Piece piece, List<Merge> merges) {
    List<Merge> ways = new ArrayList<>();
    String text = piece.text;
    for (int at = 1; at < text.length(); at++) {
      if (Character.isLowSurrogate(text.charAt(at))) {
        continue;
      }
      String left = text.substring(0, at);
      String right = text.substring(at);
      if (ids.containsKey(left) && ids.containsKey(right)) {
        ways.add(new Merge(left, right, piece.score));
      }
    }
    ways.sort(
        Comparator.<Merge>comparingInt(way -> ids.getOrDefault(way.left, 0))
            .thenComparingInt(way -> ids.getOrDefault(way.right, 0)));
    merges.addAll(ways);
    limits.count("merges", merges.size());
  }
}
