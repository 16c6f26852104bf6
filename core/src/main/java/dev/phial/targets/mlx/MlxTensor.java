package dev.phial.targets.mlx;

import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Formats;
import dev.phial.quant.MlxFormat;
import dev.phial.quant.Recoding;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import dev.phial.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * What becomes of a parameter.
 *
 * @param number type of what is not quantized
 * @param quantized its quant type, if it has one
 * @param recoding how its codes come here as they are, if they do
 */
record MlxTensor(
    Weight weight, FloatType number, Optional<MlxFormat> quantized, Optional<Recoding> recoding) {
  PlannedTensor planned() {
    return PlannedTensor.of(
            name(), weight, quantized.isPresent() ? quantized.get() : Formats.of(number))
        .with(recoding);
  }

  /** Encoders are called as the checkpoint calls them. */
  private String name() {
    return weight.role().isOfText() ? weight.mlxName() : weight.slices().getFirst().name();
  }

  /** The layer it belongs to. */
  String path() {
    String suffix = weight.part().suffix();
    String name = name();
    return name.substring(0, name.length() - suffix.length());
  }

  /** The arrays of the file that hold it, in the order in which mlx_lm saves them. */
  List<Entry> entries() {
    if (quantized.isEmpty()) {
      return List.of(new Entry(name(), number.type(), weight.shape()));
    }
    long groups = weight.shape().columns() / quantized.get().blockSize();
    return quantized.get().planes().stream()
        .map(plane ->
            new Entry(
                path() + plane.suffix(),
                plane.dtype(),
                withColumns(groups * plane.bytes() / plane.dtype().blockBytes())))
        .toList();
  }

  private Shape withColumns(long columns) {
    List<Long> dimensions = new ArrayList<>(weight.shape().dimensions());
    dimensions.set(dimensions.size() - 1, columns);
    return new Shape(dimensions);
  }
}
