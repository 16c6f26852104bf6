package dev.phial.target.onnx;

import dev.phial.graph.Matrix;
import dev.phial.graph.Vector;
import dev.phial.plan.PlannedTensor;
import java.util.List;

/**
 * A part of the data file and the parameters it comes from.
 *
 * @param matrices what the rows of the storage are, one below the other
 * @param vectors what its elements are, for vectors
 * @param plan for people
 * @param pass when ONNX Runtime's quantizer would have added it: plain tensors come first
 */
record Stored(
    Storage storage,
    List<Matrix.Rows> matrices,
    List<Vector.Stretch> vectors,
    List<PlannedTensor> plan,
    int pass) {
  static final int PLAIN = 0;
  static final int QUANTIZED = 1;
  static final int UPGRADED = 2;

  Stored {
    matrices = List.copyOf(matrices);
    vectors = List.copyOf(vectors);
    plan = List.copyOf(plan);
  }
}
