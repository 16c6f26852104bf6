package dev.phial.targets.litert;

import com.google.flatbuffers.FlatBufferBuilder;
import dev.phial.io.LittleEndian;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.IntStream;

/**
 * A graph of a {@link Tflite} and the signature by which it is called, built operator by operator:
 * a method adds one and returns what it puts out.
 */
final class Subgraph {
  private static final int NONE = -1; // in the place of an input that is left away
  private static final byte BLOCKWISE = 2; // of the union QuantizationDetails

  private final Tflite model;
  private final FlatBufferBuilder builder;
  private final String name;
  private final List<Integer> tensors = new ArrayList<>(); // tables
  private final List<Integer> operators = new ArrayList<>(); // tables
  private final Map<String, Value> inputs = new LinkedHashMap<>();
  private final Map<String, Value> outputs = new LinkedHashMap<>();
  private final Map<Parameter, Value> parameters = new HashMap<>();

  Subgraph(Tflite model, String name) {
    this.model = model;
    this.builder = model.builder();
    this.name = name;
  }

  // --- tensors

  Value input(String input, ElementType type, Integer... shape) {
    Value value = tensor(name + "_" + input, type, List.of(shape), 0, 0);
    inputs.put(input, value);
    return value;
  }

  void output(String output, Value value) {
    outputs.put(output, value);
  }

  Value parameter(Parameter parameter) {
    Value known = parameters.get(parameter);
    if (known != null) {
      return known;
    }
    int quantization =
        switch (parameter.quantization()) {
          case Parameter.None none -> 0;
          case Parameter.Rows rows -> rows.table();
          case Parameter.Blocks blocks -> blocks(parameter(blocks.scales()), blocks.size());
        };
    Value value =
        tensor(
            parameter.name(),
            parameter.type(),
            parameter.shape(),
            parameter.buffer(),
            quantization);
    parameters.put(parameter, value);
    return value;
  }

  private int blocks(Value scales, int size) {
    builder.startTable(3);
    builder.addInt(0, scales.index(), 0);
    builder.addInt(1, NONE, 0); // zero points
    builder.addInt(2, size, 0);
    int details = builder.endTable();
    builder.startTable(7);
    builder.addByte(4, BLOCKWISE, 0);
    builder.addOffset(5, details, 0);
    return builder.endTable();
  }

  Value floats(List<Integer> shape, float... values) {
    return constant(ElementType.FLOAT32, shape, LittleEndian.floats(values));
  }

  /** One number. */
  Value number(double value) {
    return floats(List.of(), (float) value);
  }

  Value ints(Integer... values) {
    byte[] bytes = new byte[values.length * Integer.BYTES];
    for (int i = 0; i < values.length; i++) {
      LittleEndian.putInt(bytes, i * Integer.BYTES, values[i]);
    }
    return constant(ElementType.INT32, List.of(values.length), bytes);
  }

  private Value constant(ElementType type, List<Integer> shape, byte[] bytes) {
    return tensor("t" + tensors.size(), type, shape, model.constant(bytes), 0);
  }

  private Value tensor(
      String tensor, ElementType type, List<Integer> shape, int buffer, int quantization) {
    int dimensions = model.ints(shape);
    int text = builder.createString(tensor);
    builder.startTable(11);
    builder.addOffset(0, dimensions, 0);
    builder.addByte(1, type.number(), 0);
    builder.addInt(2, buffer, 0);
    builder.addOffset(3, text, 0);
    builder.addOffset(4, quantization, 0);
    builder.addBoolean(8, true, false); // has a rank
    tensors.add(builder.endTable());
    return new Value(tensors.size() - 1, type, shape);
  }

  // --- operators

  /** An operator whose options are all as usual. */
  private Value add(Operator operator, ElementType type, List<Integer> shape, Value... from) {
    return add(operator, options -> {}, type, shape, from);
  }

  /**
   * An operator.
   *
   * @param options fills their table
   */
  private Value add(
      Operator operator,
      Consumer<FlatBufferBuilder> options,
      ElementType type,
      List<Integer> shape,
      Value... from) {
    return add(operator, options, tensor("t" + tensors.size(), type, shape, 0, 0), from);
  }

  /**
   * An operator.
   *
   * @param options fills their table
   * @param result what it gives
   */
  private Value add(
      Operator operator, Consumer<FlatBufferBuilder> options, Value result, Value... from) {
    List<Integer> indices = new ArrayList<>(Arrays.stream(from).map(Value::index).toList());
    if (operator == Operator.FULLY_CONNECTED && from.length == 2) {
      indices.add(NONE); // the bias
    }
    int takes = model.ints(indices);
    int gives = model.ints(List.of(result.index()));
    int table = 0;
    if (operator.options() > 0) {
      builder.startTable(operator.fields());
      options.accept(builder);
      table = builder.endTable();
    }
    builder.startTable(13);
    builder.addInt(0, model.code(operator), 0);
    builder.addOffset(1, takes, 0);
    builder.addOffset(2, gives, 0);
    builder.addByte(3, (byte) operator.options(), 0);
    builder.addOffset(4, table, 0);
    operators.add(builder.endTable());
    return result;
  }

  /** Element by element, of shapes that are equal or broadcast. */
  private Value elementwise(Operator operator, ElementType type, Value a, Value b) {
    int rank = Math.max(a.rank(), b.rank());
    List<Integer> shape =
        IntStream.range(0, rank)
            .map(axis -> Math.max(size(a, axis, rank), size(b, axis, rank)))
            .boxed()
            .toList();
    return add(operator, type, shape, a, b);
  }

  private static int size(Value value, int axis, int rank) {
    int own = axis - (rank - value.rank());
    return own < 0 ? 1 : value.size(own);
  }

  Value add(Value a, Value b) {
    return elementwise(Operator.ADD, a.type(), a, b);
  }

  Value subtract(Value a, Value b) {
    return elementwise(Operator.SUB, a.type(), a, b);
  }

  Value multiply(Value a, Value b) {
    return elementwise(Operator.MUL, a.type(), a, b);
  }

  Value atLeast(Value a, Value b) {
    return elementwise(Operator.GREATER_EQUAL, ElementType.BOOL, a, b);
  }

  Value reciprocalRoot(Value x) {
    return add(Operator.RSQRT, x.type(), x.shape(), x);
  }

  Value logistic(Value x) {
    return add(Operator.LOGISTIC, x.type(), x.shape(), x);
  }

  /** By its tanh approximation. */
  Value gelu(Value x) {
    return add(
        Operator.GELU, options -> options.addBoolean(0, true, false), x.type(), x.shape(), x);
  }

  Value softmax(Value x) {
    return add(Operator.SOFTMAX, options -> options.addFloat(0, 1, 0), x.type(), x.shape(), x);
  }

  /** Of the last axis, which stays. */
  Value mean(Value x) {
    List<Integer> shape = new ArrayList<>(x.shape());
    shape.set(x.rank() - 1, 1);
    return add(
        Operator.MEAN,
        options -> options.addBoolean(0, true, false),
        x.type(),
        shape,
        x,
        ints(x.rank() - 1));
  }

  /** {@code W x + b}, with the last axis of {@code x}. */
  Value linear(Value... inputWeightBias) {
    return add(
        Operator.FULLY_CONNECTED,
        Subgraph::keepDimensions,
        ElementType.FLOAT32,
        productShape(inputWeightBias[0], inputWeightBias[1]),
        inputWeightBias);
  }

  /** {@code W x} from codes to the codes of a place. */
  Value linear(Value x, Value weight, ActivationPlace place, ActivationCodes codes) {
    Value result = coded(place, codes, productShape(x, weight));
    return add(Operator.FULLY_CONNECTED, Subgraph::keepDimensions, result, x, weight);
  }

  private static void keepDimensions(FlatBufferBuilder options) {
    options.addBoolean(2, true, false);
  }

  private static List<Integer> productShape(Value x, Value weight) {
    List<Integer> shape = new ArrayList<>(x.shape());
    shape.set(x.rank() - 1, weight.size(0));
    return shape;
  }

  /** Activations in codes, which the reader knows by the name of their place. */
  private Value coded(ActivationPlace place, ActivationCodes codes, List<Integer> shape) {
    return tensor(place.path(), ElementType.INT8, shape, 0, model.scale(codes));
  }

  Value quantize(Value x, ActivationPlace place, ActivationCodes codes) {
    return add(Operator.QUANTIZE, options -> {}, coded(place, codes, x.shape()), x);
  }

  /** Products of matrices, the second ones transposed. */
  Value products(Value a, Value b) {
    List<Integer> shape = new ArrayList<>(a.shape());
    shape.set(a.rank() - 1, b.size(b.rank() - 2));
    return add(
        Operator.BATCH_MATMUL,
        options -> options.addBoolean(1, true, false), // adj_y
        a.type(),
        shape,
        a,
        b);
  }

  /** Rows of a table {@code [rows, columns]} whose numbers need no conversion: {@code ids [n]}. */
  Value lookup(Value ids, Value table) {
    List<Integer> shape = List.of(ids.size(0), table.size(1));
    return add(Operator.EMBEDDING_LOOKUP, ElementType.FLOAT32, shape, ids, table);
  }

  /** Rows of a table {@code [rows, columns]} as they are: {@code ids [n]}. */
  Value gather(Value table, Value ids) {
    return add(Operator.GATHER, table.type(), List.of(ids.size(0), table.size(1)), table, ids);
  }

  Value cast(Value x, ElementType to) {
    return add(
        Operator.CAST,
        options -> {
          options.addByte(0, x.type().number(), 0);
          options.addByte(1, to.number(), 0);
        },
        to,
        x.shape(),
        x);
  }

  Value dequantize(Value x) {
    return add(Operator.DEQUANTIZE, ElementType.FLOAT32, x.shape(), x);
  }

  Value reshape(Value x, Integer... shape) {
    return add(Operator.RESHAPE, x.type(), List.of(shape), x, ints(shape));
  }

  Value transpose(Value x, Integer... order) {
    List<Integer> shape = Arrays.stream(order).map(x::size).toList();
    return add(Operator.TRANSPOSE, x.type(), shape, x, ints(order));
  }

  /** {@code count} of the last axis from {@code first}. */
  Value slice(Value x, int first, int count) {
    Integer[] start = new Integer[x.rank()];
    Arrays.fill(start, 0);
    start[x.rank() - 1] = first;
    Integer[] size = x.shape().toArray(Integer[]::new);
    size[x.rank() - 1] = count;
    return add(Operator.SLICE, x.type(), List.of(size), x, ints(start), ints(size));
  }

  /** One after the other along the last axis. */
  Value concatenate(Value... parts) {
    int axis = parts[0].rank() - 1;
    List<Integer> shape = new ArrayList<>(parts[0].shape());
    shape.set(axis, Arrays.stream(parts).mapToInt(part -> part.size(axis)).sum());
    return add(
        Operator.CONCATENATION,
        options -> options.addInt(0, axis, 0),
        parts[0].type(),
        shape,
        parts);
  }

  /** {@code x} with a part of it replaced, from {@code start} on. */
  Value update(Value x, Value part, Value start) {
    return add(Operator.DYNAMIC_UPDATE_SLICE, x.type(), x.shape(), x, part, start);
  }

  // --- the whole

  /** Adds it to the model. */
  void finish() {
    int tensorTables = model.tables(tensors);
    int takes = model.ints(inputs.values().stream().map(Value::index).toList());
    int gives = model.ints(outputs.values().stream().map(Value::index).toList());
    int operatorTables = model.tables(operators);
    int text = builder.createString(name);
    builder.startTable(6);
    builder.addOffset(0, tensorTables, 0);
    builder.addOffset(1, takes, 0);
    builder.addOffset(2, gives, 0);
    builder.addOffset(3, operatorTables, 0);
    builder.addOffset(4, text, 0);
    int index = model.subgraph(builder.endTable());
    int namedInputs = named(inputs);
    int namedOutputs = named(outputs);
    builder.startTable(5);
    builder.addOffset(0, namedInputs, 0);
    builder.addOffset(1, namedOutputs, 0);
    builder.addOffset(2, text, 0);
    builder.addInt(4, index, 0);
    model.signature(builder.endTable());
  }

  private int named(Map<String, Value> values) {
    List<Integer> maps = new ArrayList<>();
    values.forEach((key, value) -> {
      int text = builder.createString(key);
      builder.startTable(2);
      builder.addOffset(0, text, 0);
      builder.addInt(1, value.index(), 0);
      maps.add(builder.endTable());
    });
    return model.tables(maps);
  }
}
