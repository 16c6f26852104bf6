package dev.phial.targets.openvino;

import dev.phial.io.LittleEndian;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.LongStream;

/**
 * A graph in OpenVINO's intermediate representation, built layer by layer: every method adds one
 * and returns what it puts out. Names are made of the scope they are in.
 */
final class Ir {
  /** What begins in the data file is aligned so, for runtimes that map it. */
  private static final long ALIGNMENT = 64;

  private final List<Layer> layers = new ArrayList<>();
  private final Map<String, Integer> names = new HashMap<>();
  private final Map<ByteBuffer, Long> known = new HashMap<>();
  private final TreeMap<Long, byte[]> contents = new TreeMap<>();
  private long end;
  private String scope = "";

  List<Layer> layers() {
    return layers;
  }

  /** What is known of the data file, by offset. */
  Map<Long, byte[]> contents() {
    return contents;
  }

  /** Bytes of the data file. */
  long bytes() {
    return end;
  }

  /** The part of the model that the layers from here on belong to. */
  void scope(String name) {
    scope = name;
  }

  // --- constants

  Value ints(List<Long> shape, int... values) {
    byte[] bytes = new byte[values.length * Integer.BYTES];
    for (int i = 0; i < values.length; i++) {
      LittleEndian.putInt(bytes, i * Integer.BYTES, values[i]);
    }
    return constant(ElementType.I32, shape, bytes);
  }

  Value longs(List<Long> shape, long... values) {
    byte[] bytes = new byte[values.length * Long.BYTES];
    for (int i = 0; i < values.length; i++) {
      LittleEndian.putLong(bytes, i * Long.BYTES, values[i]);
    }
    return constant(ElementType.I64, shape, bytes);
  }

  Value floats(List<Long> shape, float... values) {
    return constant(ElementType.F32, shape, LittleEndian.floats(values));
  }

  /** A list of numbers. */
  Value list(long... values) {
    return longs(List.of((long) values.length), values);
  }

  /** One number. */
  Value number(long value) {
    return longs(List.of(), value);
  }

  /** One number of 32 bits. */
  Value integer(int value) {
    return ints(List.of(), value);
  }

  Value real(float value) {
    return floats(List.of(), value);
  }

  Value truth(boolean value) {
    return constant(ElementType.BOOLEAN, List.of(), new byte[] {(byte) (value ? 1 : 0)});
  }

  /** What is equal is kept once. */
  Value constant(ElementType type, List<Long> shape, byte[] bytes) {
    ByteBuffer content = ByteBuffer.wrap(bytes);
    Long offset = known.get(content);
    if (offset == null) {
      offset = reserve(bytes.length);
      known.put(content, offset);
      contents.put(offset, bytes);
    }
    return constant(
        new Constant("Constant_" + layers.size(), type, shape, offset), bytes.length, List.of());
  }

  /** Room for what is written later. */
  Constant place(String name, ElementType type, List<Long> shape) {
    Constant sized = new Constant(name, type, shape, 0);
    return new Constant(name, type, shape, reserve(sized.bytes()));
  }

  Value constant(Constant constant) {
    return constant(constant, constant.bytes(), List.of());
  }

  /** A constant that is known by its name beyond this file. */
  Value named(Constant constant) {
    return constant(constant, constant.bytes(), List.of(constant.name()));
  }

  private Value constant(Constant constant, long bytes, List<String> tensorNames) {
    return add(
        constant.name(),
        "Const",
        "opset1",
        attributes(
            "element_type",
            constant.type().label(),
            "shape",
            join(constant.shape(), ", "),
            "offset",
            constant.offset(),
            "size",
            bytes),
        List.of(),
        List.of(new Layer.Output(constant.type(), constant.shape(), tensorNames)),
        List.of());
  }

  private long reserve(long bytes) {
    long offset = Math.ceilDiv(end, ALIGNMENT) * ALIGNMENT;
    end = offset + bytes;
    return offset;
  }

  // --- layers

  static Map<String, String> attributes(Object... namesAndValues) {
    Map<String, String> result = new LinkedHashMap<>();
    for (int i = 0; i < namesAndValues.length; i += 2) {
      result.put(namesAndValues[i].toString(), namesAndValues[i + 1].toString());
    }
    return result;
  }

  /** An input of the model; its name is also that of its tensor. */
  Value parameter(String name, ElementType type, Long... shape) {
    List<Long> dimensions = List.of(shape);
    return add(
        name,
        "Parameter",
        "opset1",
        attributes("shape", unknown(dimensions), "element_type", type.label()),
        List.of(),
        List.of(new Layer.Output(type, dimensions, List.of(name))),
        List.of());
  }

  /** An output of the model; its name is that of its tensor. */
  void result(Value value, String name) {
    Layer layer = layers.get(value.layer());
    Layer.Output output = new Layer.Output(value.type(), value.shape(), List.of(name));
    layers.set(layer.id(), layer.with(output));
    result(value);
  }

  void result(Value value) {
    add("", "Result", "opset1", attributes(), List.of(value), List.of(), List.of());
  }

  /** A layer with one output. */
  Value add(
      String type,
      String opset,
      Map<String, String> attributes,
      List<Value> inputs,
      ElementType outputType,
      List<Long> shape) {
    return add("", type, opset, attributes, inputs, outputType, shape, List.of());
  }

  /**
   * A layer with one output.
   *
   * @param name or empty for one made of scope and type
   * @param tensorNames of the output
   */
  Value add(
      String name,
      String type,
      String opset,
      Map<String, String> attributes,
      List<Value> inputs,
      ElementType outputType,
      List<Long> shape,
      List<String> tensorNames) {
    return add(
        name,
        type,
        opset,
        attributes,
        inputs,
        List.of(new Layer.Output(outputType, shape, tensorNames)),
        List.of());
  }

  /** A layer; the first of its outputs. */
  Value add(
      String name,
      String type,
      String opset,
      Map<String, String> attributes,
      List<Value> inputs,
      List<Layer.Output> outputs,
      List<String> notes) {
    int id = layers.size();
    layers.add(
        new Layer(
            id,
            unique(name.isEmpty() ? (scope.isEmpty() ? "" : scope + "/") + type : name),
            type,
            opset,
            attributes,
            List.copyOf(inputs),
            List.copyOf(outputs),
            notes));
    return outputs.isEmpty()
        ? new Value(id, inputs.size(), ElementType.BOOLEAN, List.of())
        : output(id, 0);
  }

  /** The {@code index}-th output of the layer that {@code first} is the first output of. */
  Value output(Value first, int index) {
    return output(first.layer(), index);
  }

  private Value output(int id, int index) {
    Layer layer = layers.get(id);
    Layer.Output output = layer.outputs().get(index);
    return new Value(id, layer.inputs().size() + index, output.type(), output.shape());
  }

  private String unique(String name) {
    int count = names.merge(name, 1, Integer::sum);
    return count == 1 ? name : name + "_" + (count - 1);
  }

  /** A shape with question marks for what only running it tells. */
  static String unknown(List<Long> shape) {
    return join(shape, ",").replace("-1", "?");
  }

  private static String join(List<Long> shape, String separator) {
    return String.join(separator, shape.stream().map(String::valueOf).toList());
  }

  // --- the operations of a decoder

  Value elementwise(String type, Value a, Value b) {
    return elementwise("", type, a, b);
  }

  Value elementwise(String name, String type, Value a, Value b) {
    return add(
        name,
        type,
        "opset1",
        attributes("auto_broadcast", "numpy"),
        List.of(a, b),
        a.type(),
        a.broadcast(b),
        List.of());
  }

  Value divide(Value a, Value b) {
    return add(
        "Divide",
        "opset1",
        attributes("auto_broadcast", "numpy", "m_pythondiv", true),
        List.of(a, b),
        a.type(),
        a.broadcast(b));
  }

  /** Greater, LessEqual and so on. */
  Value compare(String type, Value a, Value b) {
    return add(
        type,
        "opset1",
        attributes("auto_broadcast", "numpy"),
        List.of(a, b),
        ElementType.BOOLEAN,
        a.broadcast(b));
  }

  Value and(Value a, Value b) {
    return add(
        "BitwiseAnd",
        "opset13",
        attributes("auto_broadcast", "numpy"),
        List.of(a, b),
        ElementType.BOOLEAN,
        a.broadcast(b));
  }

  Value select(Value condition, Value yes, Value no) {
    return add(
        "Select",
        "opset1",
        attributes("auto_broadcast", "numpy"),
        List.of(condition, yes, no),
        yes.type(),
        new Value(0, 0, yes.type(), condition.broadcast(yes)).broadcast(no));
  }

  /** Sqrt, Cos and others of one number each. */
  Value map(String type, String opset, Value x) {
    return add(type, opset, attributes(), List.of(x), x.type(), x.shape());
  }

  /**
   * @param mode {@code TANH} or {@code ERF}
   */
  Value gelu(Value x, String mode) {
    return add(
        "Gelu", "opset7", attributes("approximation_mode", mode), List.of(x), x.type(), x.shape());
  }

  Value convert(Value x, ElementType to) {
    return add(
        "Convert", "opset1", attributes("destination_type", to.label()), List.of(x), to, x.shape());
  }

  /**
   * A conversion of weights.
   *
   * @param isDecompression whether plugins may leave it undone until they need the weights
   */
  Value decompress(String name, Value x, ElementType to, boolean isDecompression) {
    return add(
        name,
        "Convert",
        "opset1",
        attributes("destination_type", to.label()),
        List.of(x),
        List.of(new Layer.Output(to, x.shape(), List.of())),
        isDecompression ? List.of("decompression") : List.of());
  }

  /** {@code x Wᵀ}. */
  Value matmul(String name, Value x, Value weight) {
    List<Long> shape = new ArrayList<>(x.shape());
    shape.set(shape.size() - 1, weight.shape().getFirst());
    return add(
        name,
        "MatMul",
        "opset1",
        attributes("transpose_a", false, "transpose_b", true),
        List.of(x, weight),
        x.type(),
        shape,
        List.of());
  }

  /** Numbers of {@code [from, to)} along an axis; {@code shape} is the result's. */
  Value slice(Value x, Value from, Value to, int axis, List<Long> shape) {
    return add(
        "Slice",
        "opset8",
        attributes(),
        List.of(x, from, to, list(1), list(axis)),
        x.type(),
        shape);
  }

  Value reshape(Value x, boolean copiesZeros, Value pattern, Long... shape) {
    return add(
        "Reshape",
        "opset1",
        attributes("special_zero", copiesZeros),
        List.of(x, pattern),
        x.type(),
        List.of(shape));
  }

  Value transpose(Value x, int... order) {
    Value permutation = ints(List.of((long) order.length), order);
    return add(
        "Transpose",
        "opset1",
        attributes(),
        List.of(x, permutation),
        x.type(),
        Arrays.stream(order).mapToObj(x.shape()::get).toList());
  }

  /** Rows cut into heads: {@code [batch, heads, sequence, size]}. */
  Value heads(Value x, long heads, long size) {
    Value split =
        reshape(x, true, list(0, 0, heads, size), Value.UNKNOWN, Value.UNKNOWN, heads, size);
    return heads == 1 // nothing to exchange
        ? reshape(split, true, list(0, 1, -1, 0), Value.UNKNOWN, 1L, Value.UNKNOWN, size)
        : transpose(split, 0, 2, 1, 3);
  }

  /** Heads put together: {@code [batch, sequence, width]}. */
  Value joined(Value heads, long width) {
    return reshape(
        transpose(heads, 0, 2, 1, 3), true, list(0, 0, width), Value.UNKNOWN, Value.UNKNOWN, width);
  }

  /** A dimension of 1 more, at {@code axis}. */
  Value unsqueeze(Value x, int axis) {
    return unsqueeze(x, number(axis), axis);
  }

  Value unsqueeze(Value x, Value axis, int at) {
    List<Long> shape = new ArrayList<>(x.shape());
    shape.add(at, 1L);
    return add("Unsqueeze", "opset1", attributes(), List.of(x, axis), x.type(), shape);
  }

  /** One after the other along an axis, which may count from the end. */
  Value concat(int axis, List<Value> parts) {
    Value first = parts.getFirst();
    List<Long> shape = new ArrayList<>(first.shape());
    int at = axis < 0 ? axis + shape.size() : axis;
    long size =
        parts.stream()
            .mapToLong(part -> part.shape().get(at))
            .reduce(0, (a, b) -> a < 0 || b < 0 ? Value.UNKNOWN : a + b);
    shape.set(at, size);
    return add("Concat", "opset1", attributes("axis", axis), parts, first.type(), shape);
  }

  Value shapeOf(Value x, ElementType type) {
    return add(
        "ShapeOf",
        "opset3",
        attributes("output_type", type.label()),
        List.of(x),
        type,
        List.of((long) x.shape().size()));
  }

  /** Rows of {@code table}, along its first axis. */
  Value gather(Value table, Value indices, Value axis, List<Long> shape) {
    return add(
        "Gather",
        "opset8",
        attributes("batch_dims", 0),
        List.of(table, indices, axis),
        table.type(),
        shape);
  }

  /** One number of a list. */
  Value element(Value list, long index) {
    return gather(list, number(index), number(0), List.of());
  }

  Value broadcast(Value x, Value to, String mode, Long... shape) {
    return add(
        "Broadcast", "opset3", attributes("mode", mode), List.of(x, to), x.type(), List.of(shape));
  }

  /** Whole numbers from {@code from} to before {@code to}. */
  Value range(Value from, Value to, Value step, ElementType type) {
    return add(
        "Range",
        "opset4",
        attributes("output_type", type.label()),
        List.of(from, to, step),
        type,
        List.of(Value.UNKNOWN));
  }

  Value reduce(String type, Value x, Value axes, boolean keepsDimensions, List<Long> shape) {
    return add(
        type,
        "opset1",
        attributes("keep_dims", keepsDimensions),
        List.of(x, axes),
        x.type(),
        shape);
  }

  static List<Long> dimensions(long... sizes) {
    return LongStream.of(sizes).boxed().toList();
  }
}
