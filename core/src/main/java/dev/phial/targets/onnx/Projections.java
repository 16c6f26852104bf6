package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.number;

import dev.phial.PhialException;
import dev.phial.choose.Kept;
import dev.phial.graph.Linear;
import dev.phial.graph.Matrix;
import dev.phial.graph.Vector;
import dev.phial.model.Hyperparameters;
import dev.phial.model.Role;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.quant.FloatType;
import dev.phial.quant.Format;
import dev.phial.quant.Formats;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.method.MinMax;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.Store;
import dev.phial.targets.onnx.OnnxData.Turn;
import dev.phial.tensor.Coding;
import dev.phial.tensor.Shape;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import onnx.Onnx.AttributeProto;

/** Matrices and vectors: in which precision and operator each is computed with, and stored. */
final class Projections {
  private final Hyperparameters h;
  private final OnnxOptions options;
  private final FloatType type;
  private final Nodes nodes;
  private final OnnxData data;
  private final RoundedProducts products;

  /** By tensor; to find one may take reading all of its zero points. */
  private final Map<String, Optional<Recoding>> recodings = new HashMap<>();

  Projections(
      Hyperparameters h,
      OnnxOptions options,
      Nodes nodes,
      OnnxData data,
      RoundedProducts products) {
    this.h = h;
    this.options = options;
    this.type = options.activations();
    this.nodes = nodes;
    this.data = data;
    this.products = products;
  }

  /** {@code W x + b}. */
  String linear(String name, Linear linear, String input, ActivationPlace place) {
    return bias(name, linear, matmul(name, linear, input, place));
  }

  /** Adds the bias of a layer, unless it has none or it is all zeros. */
  String bias(String name, Linear linear, String input) {
    return linear
        .bias()
        .filter(Projections::isNotZero)
        .map(bias -> addBias(name, bias, input))
        .orElse(input);
  }

  String addBias(String name, Vector bias, String input) {
    String tensor = name.substring(1).replace('/', '.') + ".Add.bias";
    vector(tensor, bias);
    return nodes.add("Add", name + "/Add", List.of(input, tensor));
  }

  private static boolean isNotZero(Vector vector) {
    for (float value : vector.values()) {
      if (value != 0) {
        return true;
      }
    }
    return false;
  }

  /**
   * {@code W x}, in the precision that was asked for.
   *
   * @param place of the input
   */
  String matmul(String base, Linear linear, String input, ActivationPlace place) {
    String name = base + "/MatMul";
    String output = name + "/output_0";
    String weight = name.substring(1).replace('/', '.') + ".weight";
    Matrix matrix = linear.weight();
    Optional<Recoding> recoding = recoding(weight, matrix);
    if (options.keeps() ? recoding.isEmpty() : !options.precision().isQuantized()) {
      plainMatmul(name, weight, matrix, input, output);
      return output;
    }
    if (options.precision().roundsActivations()) {
      if (products.excludes(name, input)) {
        plainMatmul(name, weight, matrix, input, output);
      } else {
        roundedMatmul(name, weight, matrix, products.rounded(input, place), output);
      }
      return output;
    }
    GroupInt format = recoding.map(this::format).orElseGet(() -> format(bits(name, weight)));
    int size = format.blockSize();
    checkDivides(weight, matrix.columns(), size);
    int bits = format.bits();
    Turn turn = bits == options.precision().bits() ? Turn.QUANTIZED : Turn.UPGRADED;
    if (options.qdq()) {
      dequantizedMatmul(name, weight, matrix, input, output);
      return output;
    }
    List<Initializer> tensors =
        options.algorithm().initializers(weight, matrix.rows(), matrix.columns(), size, format);
    PlannedTensor planned = planned(weight, matrix, format).with(recoding);
    data.add(
        planned,
        nBits(planned, format, tensors),
        options.algorithm() == Algorithm.DEFAULT ? turn : Turn.QUANTIZED);
    List<String> inputs = new ArrayList<>(List.of(input, codes(tensors), scales(tensors)));
    zeros(tensors).ifPresent(inputs::add);
    List<AttributeProto> attributes =
        new ArrayList<>(
            List.of(
                number("K", matrix.columns()),
                number("N", matrix.rows()),
                number("bits", bits),
                number("block_size", size)));
    if (options.accuracyLevel() != 0) {
      attributes.add(number("accuracy_level", options.accuracyLevel()));
    }
    nodes.add(
        MICROSOFT,
        "MatMulNBits",
        name + "_Q" + bits,
        inputs,
        List.of(output),
        attributes.toArray(AttributeProto[]::new));
    return output;
  }

  /** A small matrix that decides much stays as it is. */
  String plainMatmul(String base, Linear linear, String input) {
    String name = base + "/MatMul";
    String output = name + "/output_0";
    plainMatmul(
        name, name.substring(1).replace('/', '.') + ".weight", linear.weight(), input, output);
    return output;
  }

  private void plainMatmul(String name, String weight, Matrix matrix, String input, String output) {
    PlannedTensor tensor = planned(weight, matrix, plainFormat());
    Initializer initializer =
        Initializer.of(weight, OnnxType.of(type), matrix.columns(), matrix.rows());
    data.add(tensor, PlainColumns.of(tensor, initializer), Turn.PLAIN);
    nodes.add("", "MatMul", name, List.of(input, weight), List.of(output));
  }

  private void roundedMatmul(
      String name, String weight, Matrix matrix, String input, String output) {
    GroupInt format = RoundedProducts.format(matrix.columns());
    SignedColumns store =
        new SignedColumns(
            weight.replaceFirst("\\.weight$", ""),
            matrix.rows(),
            matrix.columns(),
            format,
            Optional.empty());
    data.add(planned(weight, matrix, format), store, Turn.PLAIN);
    products.multiply(name, input, store.slots(), output);
  }

  private void dequantizedMatmul(
      String name, String weight, Matrix matrix, String input, String output) {
    if (matrix.rows() % 2 != 0) {
      throw new PhialException.Unsupported(
          "--qdq: tensor %s: expected an even number of rows, found %d; omit --qdq"
              .formatted(weight, matrix.rows()));
    }
    GroupInt format =
        new GroupInt(
            4, options.blockSize(), type, new MinMax(4, options.symmetric(), type, true), type);
    QdqColumns store = new QdqColumns(weight, matrix.rows(), matrix.columns(), format);
    data.add(planned(weight, matrix, format), store, Turn.QUANTIZED);
    String plain = weight + "_DQ_Q4_output";
    nodes.add(
        "",
        "DequantizeLinear",
        name + "_DQ_Q4",
        store.slots().stream().map(Initializer::name).toList(),
        List.of(plain),
        number("axis", 0),
        number("block_size", options.blockSize()));
    nodes.add("", "MatMul", name + "_matmul_Q4", List.of(input, plain), List.of(output));
  }

  /** The format of weights in {@code bits} bits. */
  GroupInt format(int bits) {
    return options.algorithm().format(bits, options.blockSize(), options.symmetric(), type);
  }

  /** How the codes of a matrix come here as they are, where that is asked for and it has some. */
  Optional<Recoding> recoding(String weight, Matrix matrix) {
    return recoding(weight, matrix.parts().stream().map(Rows::weight).toList());
  }

  Optional<Recoding> recoding(String name, List<Weight> weights) {
    return options.keeps()
        ? recodings.computeIfAbsent(
            name,
            n -> Kept.of(n, weights, from -> Kept.integers(from, OnnxOptions.CARRIED_SIZES), type))
        : Optional.empty();
  }

  /** What holds codes that come as they are. */
  GroupInt format(Recoding recoding) {
    Coding to = recoding.to();
    boolean symmetric = to.offset() == Coding.Offset.NONE;
    return Algorithm.DEFAULT.format(to.bits(), to.groupSize(), symmetric, type);
  }

  /**
   * The bits of a MatMul, which the options may say or have raised.
   *
   * @param weight its matrix
   */
  int bits(String node, String weight) {
    OptionalInt own = options.single().of(weight);
    if (own.isPresent()) {
      return own.getAsInt();
    }
    boolean upgraded =
        options.mixed().contains(OnnxOptions.LAST_MATMUL) && node.equals("/lm_head/MatMul")
            || options.mixed().contains(OnnxOptions.MIXED_LAYERS)
                && Sensitive.isUpgraded(node, h.layers());
    return upgraded ? Precision.INT8.bits() : options.precision().bits();
  }

  void checkDivides(String weight, long columns, int size) {
    if (columns % size != 0) {
      throw new PhialException.Unsupported(
          "tensor %s: expected rows that divide by the block size %d, found %d columns; choose another --block-size"
              .formatted(weight, size, columns));
    }
  }

  static String codes(List<Initializer> tensors) {
    return only(tensors, "_Q");
  }

  static String scales(List<Initializer> tensors) {
    return only(tensors, "_scale");
  }

  static Optional<String> zeros(List<Initializer> tensors) {
    return tensors.stream()
        .map(Initializer::name)
        .filter(name -> name.endsWith("_zero_points") || name.endsWith("_zp"))
        .findFirst();
  }

  private static String only(List<Initializer> tensors, String mark) {
    return tensors.stream()
        .map(Initializer::name)
        .filter(name -> name.substring(name.lastIndexOf('_')).startsWith(mark))
        .findFirst()
        .orElseThrow();
  }

  /** How integers lie in tensors that {@link Algorithm#initializers} named. */
  static Store nBits(PlannedTensor tensor, GroupInt format, List<Initializer> tensors) {
    return RowStore.of(
            tensor,
            format,
            find(tensors, codes(tensors)),
            find(tensors, scales(tensors)),
            zeros(tensors).map(zero -> find(tensors, zero)),
            false,
            true)
        .inOrder(tensors);
  }

  private static Initializer find(List<Initializer> tensors, String name) {
    return tensors.stream().filter(t -> t.name().equals(name)).findFirst().orElseThrow();
  }

  /** Stores a vector under a name. */
  void vector(String name, Vector vector) {
    PlannedTensor tensor =
        PlannedTensor.of(name, Shape.of(vector.size()), plainFormat(), vector.parts());
    data.add(
        tensor,
        RowStore.of(tensor, Initializer.of(name, OnnxType.of(type), vector.size())),
        Turn.PLAIN);
  }

  /** Stores a matrix of numbers under a name, and returns that. */
  String table(String name, Matrix matrix) {
    PlannedTensor tensor = planned(name, matrix, plainFormat());
    Initializer initializer =
        Initializer.of(name, OnnxType.of(type), matrix.rows(), matrix.columns());
    data.add(tensor, RowStore.of(tensor, initializer), Turn.PLAIN);
    return name;
  }

  /** A matrix under a name; that of the output is one also where it is the embedding. */
  static PlannedTensor planned(String name, Matrix matrix, Format format) {
    PlannedTensor tensor =
        PlannedTensor.of(name, Shape.of(matrix.rows(), matrix.columns()), format, matrix.parts());
    return name.startsWith("lm_head.") ? tensor.as(Role.OUTPUT) : tensor;
  }

  Format plainFormat() {
    return Formats.of(type);
  }
}
