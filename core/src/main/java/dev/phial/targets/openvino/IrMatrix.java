package dev.phial.targets.openvino;

import dev.phial.graph.Matrix;
import dev.phial.model.Part;
import dev.phial.model.Weight;
import dev.phial.quant.FloatType;

/**
 * A matrix of the graph: a parameter of the checkpoint, or one expert's part of it.
 *
 * @param module it belongs to, {@code model.layers.0.self_attn.qkv_proj}
 * @param first row of the parameter
 */
record IrMatrix(String module, Weight weight, long first, long rows) {
  /** A matrix that is a whole parameter. */
  static IrMatrix of(Matrix matrix) {
    Weight weight = matrix.parts().getFirst().weight();
    if (matrix.rows() != weight.shape().rows()) {
      throw new IllegalArgumentException("not a whole parameter: " + weight.name());
    }
    return new IrMatrix(module(weight.huggingFaceName()), weight, 0, matrix.rows());
  }

  /** One expert's matrix of a stack. */
  static IrMatrix ofExpert(Weight stack, int expert) {
    String name = stack.huggingFaceName().replace("{}", Integer.toString(expert));
    return new IrMatrix(module(name), stack, expert * stack.matrixRows(), stack.matrixRows());
  }

  static String module(String parameter) {
    return parameter.substring(0, parameter.lastIndexOf('.'));
  }

  int columns() {
    return Math.toIntExact(weight.shape().columns());
  }

  long elements() {
    return rows * columns();
  }

  /**
   * What it is called in the graph.
   *
   * @param origin type of the parameters of the checkpoint
   */
  String constant(FloatType origin) {
    return "self." + module + (origin == FloatType.F32 ? ".weight" : "._openvino_orig_weight");
  }

  String name() {
    return module + Part.WEIGHT.suffix();
  }
}
