package dev.phial.targets.onnx;

import dev.phial.graph.Matrix;
import dev.phial.graph.Scaling;
import dev.phial.graph.Vector;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import java.util.ArrayList;
import java.util.List;

/**
 * A part of the data file and the parameters it comes from.
 *
 * @param sources of its rows, or of its elements if it is a vector
 * @param plan for people
 * @param pass when ONNX Runtime's quantizer would have added it: plain tensors come first
 */
record Stored(Storage storage, List<Source> sources, List<PlannedTensor> plan, int pass) {
  static final int PLAIN = 0;
  static final int QUANTIZED = 1;
  static final int UPGRADED = 2;

  /**
   * Some rows of a parameter, or elements of a vector, and where they go: row {@code first + i} to
   * row {@code to + i * step}.
   *
   * @param scaling of the rows
   */
  record Source(Weight weight, long first, long count, long to, int step, Scaling scaling) {
    Source(Weight weight, long first, long count, long to, int step) {
      this(weight, first, count, to, step, Scaling.NONE);
    }
  }

  Stored {
    sources = List.copyOf(sources);
    plan = List.copyOf(plan);
  }

  static List<Source> sources(Matrix matrix) {
    List<Source> sources = new ArrayList<>();
    long to = 0;
    for (Matrix.Rows rows : matrix.parts()) {
      sources.add(new Source(rows.weight(), rows.first(), rows.count(), to, 1, rows.scaling()));
      to += rows.count();
    }
    return sources;
  }

  static List<Source> sources(Vector vector) {
    List<Source> sources = new ArrayList<>();
    long to = 0;
    for (Vector.Stretch stretch : vector.parts()) {
      sources.add(
          new Source(stretch.weight(), stretch.first(), stretch.count(), to, 1, stretch.scaling()));
      to += stretch.count();
    }
    return sources;
  }
}
