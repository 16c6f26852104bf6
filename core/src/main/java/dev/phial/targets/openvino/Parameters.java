package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.graph.DecoderGraph;
import dev.phial.graph.Linear;
import dev.phial.graph.Norm;
import dev.phial.graph.Vector;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupFloat;
import dev.phial.quant.GroupInt;
import dev.phial.targets.layout.Content;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.Slot;
import dev.phial.targets.layout.Store;
import dev.phial.tensor.Shape;
import java.math.BigDecimal;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;

/** The parameters of a model as constants of a graph, compressed or not, and products with them. */
final class Parameters {
  private final Ir ir = new Ir();
  private final Function<IrMatrix, Compression> compressions;
  private final FloatType origin;
  private final boolean halves;
  private final IrFile file;
  private final Layout.Builder layout;
  private final String operations;
  private final Map<String, Value> matrices = new HashMap<>();

  /**
   * Those of an empty graph.
   *
   * @param compressions how each matrix is stored
   * @param origin type of what is not compressed
   * @param halves whether constants are kept in half precision where they fit
   * @param file of the graph
   * @param layout receives what lies in the data file
   */
  Parameters(
      Function<IrMatrix, Compression> compressions,
      FloatType origin,
      boolean halves,
      IrFile file,
      Layout.Builder layout) {
    this.compressions = compressions;
    this.origin = origin;
    this.halves = halves;
    this.file = file;
    this.layout = layout;
    this.operations = origin == FloatType.F32 ? "aten" : "ov_ext";
  }

  /** The graph that they are in. */
  Ir ir() {
    return ir;
  }

  /** Lays the constants of the computation down, once all of it is there. */
  Ir finish() {
    ir.contents()
        .forEach((offset, bytes) -> {
          Slot slot = Slot.of("constant at %d of %s".formatted(offset, file.data()), bytes.length);
          layout.place(slot, file.data(), offset).content(slot, Content.of(bytes));
        });
    return ir;
  }

  /** A constant of the computation; in half precision where that is asked for and loses little. */
  Value floats(List<Long> shape, float... values) {
    if (!halves || !fitsHalves(values)) {
      return ir.floats(shape, values);
    }
    byte[] bytes = new byte[values.length * Short.BYTES];
    for (int i = 0; i < values.length; i++) {
      FloatType.F16.put(bytes, i * Short.BYTES, values[i]);
    }
    return ir.decompress("", ir.constant(ElementType.F16, shape, bytes), ElementType.F32, true);
  }

  /**
   * OpenVINO's rule: no number may be off by more than 1, fewer than three quarters may be out of
   * range, and a single one must be exact to a ten-thousandth; {@code check_f16_compression}.
   */
  private static boolean fitsHalves(float[] values) {
    int outside = 0;
    for (float value : values) {
      float error = Math.abs(FloatType.F16.round(value) - value);
      float magnitude = Math.abs(value);
      if (magnitude > FloatType.F16.largest() || magnitude < 0x1p-24f && value != 0) {
        outside++;
      } else if (error > 1 || values.length == 1 && error > 1e-4f * magnitude) {
        return false;
      }
    }
    return outside < 0.75f * values.length;
  }

  /** A small parameter, as part of the computation. */
  Value vector(Vector vector) {
    float[] values = vector.values();
    for (int i = 0; i < values.length; i++) {
      values[i] = origin.round(values[i]);
      if (!Float.isFinite(values[i])) {
        Weight weight = vector.parts().getFirst().weight();
        throw new PhialException.BadInput(
            "%s: tensor %s: expected finite numbers, found %s; the checkpoint is damaged or overflowed in training"
                .formatted(
                    weight.slices().getFirst().file(),
                    weight.slices().getFirst().name(),
                    values[i]));
      }
    }
    Value constant = floats(Ir.dimensions(1, 1, values.length), values);
    Weight parameter = vector.parts().getFirst().weight();
    layout.inside(
        PlannedTensor.of(
            "self." + parameter.huggingFaceName(),
            Shape.of(values.length),
            Formats.of(halves ? FloatType.F16 : FloatType.F32),
            vector.parts()));
    return constant;
  }

  Value norm(Norm norm, Value x) {
    Weight weight = norm.weight().parts().getFirst().weight();
    ir.scope("__module." + IrMatrix.module(weight.huggingFaceName()));
    if (norm.centers()) {
      Value normalized =
          ir.add(
              "MVN",
              "opset6",
              Ir.attributes(
                  "eps",
                  decimal((float) norm.epsilon()),
                  "normalize_variance",
                  true,
                  "eps_mode",
                  "INSIDE_SQRT"),
              List.of(x, ir.ints(List.of(1L), -1)),
              x.type(),
              x.shape());
      Value scaled = ir.elementwise("Multiply", normalized, vector(norm.weight()));
      return ir.elementwise("Add", scaled, vector(norm.bias().orElseThrow()));
    }
    List<Long> one = Ir.dimensions(1, 1, 1);
    List<Long> reduced = Ir.dimensions(Value.UNKNOWN, Value.UNKNOWN, 1);
    Value squares = ir.elementwise("Power", x, floats(one, 2));
    Value mean = ir.reduce("ReduceMean", squares, ir.list(-1), true, reduced);
    Value padded = ir.elementwise("Add", mean, floats(one, (float) norm.epsilon()));
    Value inverse = ir.divide(floats(one, 1), ir.map("Sqrt", "opset1", padded));
    Value normalized = ir.elementwise("Multiply", x, inverse);
    return ir.elementwise("Multiply", vector(norm.weight()), normalized);
  }

  /** As C++ prints it with 17 digits. */
  private static String decimal(double value) {
    return String.format(Locale.ROOT, "%.16e", new BigDecimal(value));
  }

  // --- matrices

  /**
   * The embeddings of tokens.
   *
   * @param ids {@code [batch, sequence]}
   */
  Value embedding(DecoderGraph decoder, Value ids) {
    IrMatrix matrix = IrMatrix.of(decoder.embedding());
    Value table = matrix(matrix, "embedding", 0);
    ir.scope("__module.%s/%s::embedding".formatted(matrix.module(), operations));
    Value indices = ir.convert(ids, ElementType.I32);
    return ir.gather(
        table,
        indices,
        ir.integer(0),
        Ir.dimensions(Value.UNKNOWN, Value.UNKNOWN, matrix.columns()));
  }

  Value linear(Linear linear, Value x) {
    IrMatrix matrix = IrMatrix.of(linear.weight());
    return linear(matrix, linear.bias(), x, "__module." + matrix.module());
  }

  Value linear(IrMatrix matrix, Optional<Vector> bias, Value x, String name) {
    Value weight = matrix(matrix, "linear", 1);
    String scope = "%s/%s::linear".formatted(name, operations);
    Value product = ir.matmul(scope + "/MatMul", x, weight);
    if (bias.isEmpty()) {
      return product;
    }
    ir.scope(scope);
    return ir.elementwise("Add", product, bias(matrix.module(), bias.get()));
  }

  private Value bias(String module, Vector bias) {
    if (origin == FloatType.F32) {
      return vector(bias);
    }
    Constant constant =
        ir.place(
            "self." + module + "._openvino_orig_bias",
            ElementType.of(origin),
            List.of((long) bias.size()));
    PlannedTensor tensor =
        PlannedTensor.of(constant.name(), Shape.of(bias.size()), Formats.of(origin), bias.parts());
    lay(tensor, RowStore.of(tensor, constant));
    return ir.decompress("", ir.named(constant), ElementType.F32, true);
  }

  /**
   * A matrix, ready to be computed with; the same for all who ask for it.
   *
   * @param use of the matrix, for names
   * @param port of its user, for names
   */
  Value matrix(IrMatrix matrix, String use, int port) {
    Value known = matrices.get(matrix.name());
    if (known != null) {
      return known;
    }
    String name = matrix.constant(origin);
    Compression compression = compressions.apply(matrix);
    // to NNCF its own conversion is none of the checkpoint's
    boolean compressesSingles =
        origin == FloatType.F32 && compression instanceof Compression.Groups;
    Value stored =
        switch (compression) {
          case Compression.Numbers numbers -> numbers(matrix, name, numbers);
          case Compression.Groups groups -> groups(matrix, name, groups, port);
        };
    Value ready =
        stored.type() == ElementType.F32
            ? stored
            : ir.decompress(
                compressesSingles
                    ? name + "/fq_weights_%d/convert".formatted(port)
                    : "__module.%s/%s::%s/Convert".formatted(matrix.module(), operations, use),
                stored,
                ElementType.F32,
                !compressesSingles);
    matrices.put(matrix.name(), ready);
    return ready;
  }

  private Value numbers(IrMatrix matrix, String name, Compression.Numbers numbers) {
    List<Long> shape = Ir.dimensions(matrix.rows(), matrix.columns());
    Constant constant = ir.place(name, ElementType.of(numbers.type()), shape);
    PlannedTensor tensor = planned(matrix, name, numbers.format());
    lay(tensor, RowStore.of(tensor, constant));
    return ir.constant(constant);
  }

  private Value groups(IrMatrix matrix, String name, Compression.Groups groups, int port) {
    long rows = matrix.rows();
    long perRow = matrix.columns() / groups.size();
    List<Long> shape =
        groups.cutsRows()
            ? Ir.dimensions(rows, perRow, groups.size())
            : Ir.dimensions(rows, groups.size());
    List<Long> scaleShape =
        groups.cutsRows() ? Ir.dimensions(rows, perRow, 1) : Ir.dimensions(rows, 1);
    Constant codes = ir.place(name, groups.codes(), shape);
    Value numbers = ir.convert(ir.constant(codes), ElementType.F16);
    Optional<Constant> zeros = Optional.empty();
    if (groups.zeros()) {
      Constant zeroPoints = ir.place(name + "/zero_point", groups.codes(), scaleShape);
      zeros = Optional.of(zeroPoints);
      Value subtrahend = ir.convert(ir.constant(zeroPoints), ElementType.F16);
      numbers = ir.elementwise(name + "/zero_point/subtract", "Subtract", numbers, subtrahend);
    }
    Constant scales = ir.place(name + "/scale", groups.scales(), scaleShape);
    Value scale = ir.constant(scales);
    if (groups.scales() != ElementType.F16) {
      scale = ir.convert(scale, ElementType.F16);
    }
    Value product = ir.elementwise(name + "/fq_weights_" + port, "Multiply", numbers, scale);
    PlannedTensor tensor = planned(matrix, name, groups.format()).with(groups.recoding());
    lay(
        tensor,
        switch (groups.format()) {
          case GroupInt format ->
              RowStore.of(
                  tensor,
                  format,
                  codes,
                  scales,
                  zeros,
                  !format.hasZeros(), // the middle code is stored as 0
                  false);
          case GroupFloat format -> RowStore.of(tensor, format, codes, scales);
          case Format other -> throw new IllegalArgumentException(other.name());
        });
    return groups.cutsRows()
        ? ir.reshape(product, false, ir.list(rows, matrix.columns()), rows, (long) matrix.columns())
        : product;
  }

  private static PlannedTensor planned(IrMatrix matrix, String name, Format format) {
    return PlannedTensor.of(
        name,
        Shape.of(matrix.rows(), matrix.columns()),
        format,
        List.of(new Rows(matrix.weight(), matrix.first(), matrix.rows())));
  }

  /** A tensor whose slots are constants, which know where they are. */
  private void lay(PlannedTensor tensor, Store store) {
    for (Slot slot : store.slots()) {
      layout.place(slot, file.data(), ((Constant) slot).offset());
    }
    layout.region(tensor, store);
  }
}
