package dev.phial.targets.openvino;

import dev.phial.graph.Attention;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.FeedForward;
import dev.phial.graph.Layer;
import dev.phial.graph.Linear;
import dev.phial.model.Weight;
import java.util.ArrayList;
import java.util.List;

/** The matrices of a decoder, as the checkpoint has them. */
final class Matrices {
  private Matrices() {}

  /** Those between embedding and output. */
  static List<IrMatrix> inLayers(DecoderGraph decoder) {
    List<IrMatrix> matrices = new ArrayList<>();
    for (Layer layer : decoder.layers()) {
      projections(layer.attention()).forEach(linear -> matrices.add(IrMatrix.of(linear.weight())));
      matrices.add(IrMatrix.of(layer.attention().output().weight()));
      switch (layer.feedForward()) {
        case FeedForward.Gated gated -> {
          Linear.fused(gated.gate(), gated.up())
              .forEach(linear -> matrices.add(IrMatrix.of(linear.weight())));
          matrices.add(IrMatrix.of(gated.down().weight()));
        }
        case FeedForward.Gegelu gegelu -> throw unknown(gegelu);
        case FeedForward.Plain plain -> {
          matrices.add(IrMatrix.of(plain.up().weight()));
          matrices.add(IrMatrix.of(plain.down().weight()));
        }
        case FeedForward.Experts experts -> {
          matrices.add(IrMatrix.of(experts.router().weight()));
          for (int expert = 0; expert < experts.router().outputs(); expert++) {
            for (Weight stack : List.of(experts.gate(), experts.up(), experts.down())) {
              matrices.add(IrMatrix.ofExpert(stack, expert));
            }
          }
        }
      }
    }
    return matrices;
  }

  /** Families that have no graph here are refused before. */
  static AssertionError unknown(FeedForward.Gegelu gegelu) {
    return new AssertionError(gegelu);
  }

  /** Query, key and value; one where the checkpoint has them in one matrix. */
  static List<Linear> projections(Attention attention) {
    return Linear.fused(attention.query(), attention.key(), attention.value());
  }
}
