package dev.phial.targets.litert;

import dev.phial.graph.DecoderGraph;
import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Vector;
import dev.phial.io.LittleEndian;
import dev.phial.model.Role;
import dev.phial.model.Rotary;
import dev.phial.model.Rows;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupInt;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.Slot;
import dev.phial.tensor.Shape;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The parameters of a decoder in a model, each added when it is first asked for, under the name
 * that the checkpoint has for it.
 */
final class Parameters {
  private static final String OUTPUT = "lm_head.weight";
  private static final String SCALES = "_scales";

  /** What projections are called that a Phi-3 has together, by what they give. */
  private static final Map<ActivationPoint, String> APART =
      Map.of(
          ActivationPoint.QUERY,
          "q_proj",
          ActivationPoint.KEY,
          "k_proj",
          ActivationPoint.VALUE,
          "v_proj",
          ActivationPoint.GATE,
          "gate_proj",
          ActivationPoint.UP,
          "up_proj");

  private final Tflite model;
  private final DecoderGraph decoder;
  private final LitertOptions options;
  private final Layout.Builder layout;
  private final Map<String, Parameter> known = new HashMap<>();
  private final Rotary rotary;

  Parameters(Tflite model, DecoderGraph decoder, LitertOptions options, Layout.Builder layout) {
    this.model = model;
    this.decoder = decoder;
    this.options = options;
    this.layout = layout;
    // a cache cannot be turned again: there is one set of factors for all texts
    this.rotary = Rotary.ofText(decoder.hyperparameters(), options.context());
  }

  // --- what follows from no parameter

  /** Of all positions, {@code [context, rotated / 2]}. */
  Parameter cosines() {
    return table("rotary.cosines", rotary::cosine);
  }

  /** The same. */
  Parameter sines() {
    return table("rotary.sines", rotary::sine);
  }

  private interface Turn {
    float at(int position, int column);
  }

  private Parameter table(String name, Turn turn) {
    Parameter found = known.get(name);
    if (found == null) {
      int columns = rotary.columns();
      Slot slot = Slot.of(name, (long) options.context() * columns * Float.BYTES);
      layout.content(
          slot,
          (same, out) -> {
            byte[] row = new byte[columns * Float.BYTES];
            for (int position = 0; position < options.context(); position++) {
              for (int column = 0; column < columns; column++) {
                LittleEndian.putFloat(row, column * Float.BYTES, turn.at(position, column));
              }
              out.write(same, row, (long) position * row.length);
            }
          });
      List<Integer> shape = List.of(options.context(), columns);
      int buffer = model.buffer(slot);
      found = new Parameter(name, ElementType.FLOAT32, shape, buffer, new Parameter.None());
      known.put(name, found);
    }
    return found;
  }

  // --- parameters

  Parameter embedding() {
    Matrix table = decoder.embedding();
    return matrix(name(table.parts()), table, Role.TOKEN_EMBEDDING, options.embedding());
  }

  Parameter matrix(Linear linear) {
    if (linear != decoder.output()) {
      return matrix(name(linear.weight().parts()), linear);
    }
    return isShared() ? embedding() : matrix(OUTPUT, linear.weight(), Role.OUTPUT, options.head());
  }

  /** A matrix of a layer, by itself where the checkpoint has it together with others. */
  Parameter matrix(Linear linear, ActivationPoint result) {
    String part = APART.get(result);
    return part == null
        ? matrix(linear)
        : matrix(
            name(linear.weight().parts()).replaceFirst("\\w+\\.weight$", part + ".weight"), linear);
  }

  private Parameter matrix(String name, Linear linear) {
    Role role = linear.weight().parts().getFirst().weight().role();
    return matrix(name, linear.weight(), role, options.precision());
  }

  /** The precision in which a layer computes. */
  Precision precision(Linear linear) {
    return linear == decoder.output() ? options.head() : options.precision();
  }

  /** Whether the output matrix is the embedding, to the bit. */
  private boolean isShared() {
    return decoder.hyperparameters().tied() && options.embedding() == options.head().stored();
  }

  private Parameter matrix(String name, Matrix matrix, Role role, Precision precision) {
    Parameter found = known.get(name);
    if (found == null) {
      boolean isProduct = role != Role.TOKEN_EMBEDDING || isShared();
      Storage storage =
          options.keeps()
              ? Storage.kept(name, matrix)
              : Storage.of(precision, options.blockSize(), name, matrix, isProduct);
      found = add(name, matrix, role, storage);
      known.put(name, found);
    }
    return found;
  }

  private Parameter add(String name, Matrix matrix, Role role, Storage storage) {
    int rows = Math.toIntExact(matrix.rows());
    int columns = Math.toIntExact(matrix.columns());
    PlannedTensor tensor =
        PlannedTensor.of(name, Shape.of(rows, columns), storage.format(), matrix.parts()).as(role);
    return switch (storage) {
      case Storage.Numbers numbers -> plain(tensor, numbers.element());
      case Storage.Integers integers -> {
        PlannedTensor coded = tensor.with(integers.recoding());
        GroupInt format = integers.format();
        int groups = columns / format.blockSize();
        long codeBytes = (long) rows * columns * format.bits() / Byte.SIZE;
        Slot codes = Slot.of(name, codeBytes);
        Slot scales = Slot.of(name + SCALES, (long) rows * groups * format.scaleType().bytes());
        layout.region(
            coded, RowStore.of(coded, format, codes, scales, Optional.empty(), true, false));
        List<Integer> shape = List.of(rows, columns);
        int buffer = model.buffer(codes);
        Parameter.Quantization quantization =
            integers.cutsRows()
                ? blocks(name + SCALES, List.of(rows, groups), scales, format.blockSize())
                : new Parameter.Rows(model.rowScales(scales));
        yield new Parameter(name, integers.element(), shape, buffer, quantization);
      }
    };
  }

  private Parameter.Quantization blocks(
      String name, List<Integer> shape, Slot scales, int blockSize) {
    Parameter.Quantization none = new Parameter.None();
    Parameter halves = new Parameter(name, ElementType.FLOAT16, shape, model.buffer(scales), none);
    return new Parameter.Blocks(halves, blockSize);
  }

  Parameter vector(Vector vector) {
    String name = name(vector.parts());
    Parameter found = known.get(name);
    if (found == null) {
      Shape shape = Shape.of(vector.size());
      found =
          plain(
              PlannedTensor.of(name, shape, Formats.of(FloatType.F32), vector.parts()),
              ElementType.FLOAT32);
      known.put(name, found);
    }
    return found;
  }

  private Parameter plain(PlannedTensor tensor, ElementType type) {
    Slot slot = Slot.of(tensor.name(), tensor.bytes());
    layout.region(tensor, RowStore.of(tensor, slot));
    List<Integer> shape = tensor.shape().dimensions().stream().map(Math::toIntExact).toList();
    int buffer = model.buffer(slot);
    return new Parameter(tensor.name(), type, shape, buffer, new Parameter.None());
  }

  private static String name(List<Rows> parts) {
    return parts.getFirst().weight().huggingFaceName();
  }
}
