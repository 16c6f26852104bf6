package dev.phial.targets;

import dev.phial.model.Weight;
import dev.phial.targets.layout.Sink;
import java.io.Serializable;
import java.util.ArrayList;
import java.util.List;

/**
 * A run of pieces of one parameter: as much of a pass as a machine of many does at a time. Planned
 * alike, the same share has the same rows on all of them.
 *
 * @param weight its number, in the order in which the sinks ask for parameters
 * @param name the parameter's, for display
 * @param first piece of the parameter
 * @param end the piece after its last
 * @param bytes of the checkpoint that are read for it
 * @param parameters numbers in it
 */
public record Share(int weight, String name, int first, int end, long bytes, long parameters)
    implements Serializable {

  /**
   * Cuts a pass.
   *
   * @param most bytes of the checkpoint in a share of more than one piece
   */
  public static List<Share> of(List<Sink> sinks, long most) {
    Pieces pieces = Pieces.of(sinks);
    List<Share> shares = new ArrayList<>();
    for (int i = 0; i < pieces.weights().size(); i++) {
      Weight weight = pieces.weights().get(i);
      List<Piece> own = pieces.of(weight);
      int first = 0;
      while (first < own.size()) {
        int end = first;
        long bytes = 0;
        long rows = 0;
        while (end < own.size() && (end == first || bytes + own.get(end).bytes() <= most)) {
          bytes += own.get(end).bytes();
          rows += own.get(end++).count();
        }
        long parameters = rows * weight.shape().columns();
        shares.add(new Share(i, weight.ggufName(), first, end, bytes, parameters));
        first = end;
      }
    }
    return shares;
  }

  /**
   * Does it, in this thread.
   *
   * @param sinks planned like those that the pass was cut for
   * @throws dev.phial.PhialException if the checkpoint cannot be read or holds NaN or infinity, or
   *     a sink cannot take it
   */
  public void run(List<Sink> sinks) {
    Pieces pieces = Pieces.of(sinks);
    float[] values = new float[Pieces.ELEMENTS];
    for (Piece piece : pieces.of(pieces.weights().get(weight)).subList(first, end)) {
      values = piece.roomIn(values);
      piece.read(values);
      for (Sink sink : piece.sinks()) {
        piece.give(sink, values);
      }
    }
  }
}
