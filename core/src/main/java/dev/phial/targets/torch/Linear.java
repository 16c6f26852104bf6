package dev.phial.targets.torch;

import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.DType;
import dev.phial.tensor.Shape;
import java.util.List;

/**
 * The matrix of a linear layer, one expert's of a stack.
 *
 * @param name without {@code .weight}
 * @param number type of its numbers in the checkpoint
 */
record Linear(String name, Rows rows, FloatType number) {
  Weight weight() {
    return rows.weight();
  }

  long outputs() {
    return rows.count();
  }

  int inputs() {
    return Math.toIntExact(weight().shape().columns());
  }

  Shape shape() {
    return Shape.of(outputs(), inputs());
  }

  PlannedTensor planned(Format format) {
    return PlannedTensor.of(name + ".weight", shape(), format, List.of(rows));
  }

  /** A tensor of the layer. */
  Entry entry(String part, DType type, long... dimensions) {
    return new Entry(name + part, type, Shape.of(dimensions));
  }
}
