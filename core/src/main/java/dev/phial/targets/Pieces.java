package dev.phial.targets;

import dev.phial.model.Weight;
import dev.phial.targets.layout.Sink;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;

/** How the parameters that some sinks want fall into pieces: the same wherever they are cut. */
final class Pieces {
  /**
   * Elements of a piece: long enough that scheduling costs nothing, short enough for the
   * second-level cache.
   */
  static final int ELEMENTS = 64 * 1024;

  private final List<Weight> weights = new ArrayList<>();
  private final IdentityHashMap<Weight, List<Sink>> wanted = new IdentityHashMap<>();

  private Pieces() {}

  static Pieces of(List<Sink> sinks) {
    Pieces pieces = new Pieces();
    for (Sink sink : sinks) {
      for (Weight weight : sink.weights()) {
        if (!pieces.wanted.containsKey(weight)) {
          pieces.weights.add(weight);
        }
        pieces.wanted.computeIfAbsent(weight, w -> new ArrayList<>()).add(sink);
      }
    }
    return pieces;
  }

  /** The parameters, in the order in which the sinks ask for them. */
  List<Weight> weights() {
    return weights;
  }

  List<Piece> all() {
    return weights.stream().flatMap(weight -> of(weight).stream()).toList();
  }

  /** Those of one parameter. */
  List<Piece> of(Weight weight) {
    List<Piece> pieces = new ArrayList<>();
    List<Sink> sinks = wanted.getOrDefault(weight, List.of());
    long matrixRows = weight.matrixRows();
    int step =
        (int)
            Math.clamp(
                ELEMENTS / Math.max(1, weight.shape().columns()), 1, Math.max(1, matrixRows));
    for (long matrix = 0; matrix < weight.shape().rows(); matrix += matrixRows) {
      for (long row = 0; row < matrixRows; row += step) {
        int count = (int) Math.min(step, matrixRows - row);
        pieces.add(new Piece(weight, matrix + row, count, sinks));
      }
    }
    return pieces;
  }
}
