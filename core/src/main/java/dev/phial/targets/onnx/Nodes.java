package dev.phial.targets.onnx;

import com.google.protobuf.ByteString;
import dev.phial.io.LittleEndian;
import dev.phial.quant.FloatType;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.AttributeProto.AttributeType;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.TensorProto;

/** The nodes of a graph in the order in which they run. */
final class Nodes {
  /** ONNX Runtime's own operators. */
  static final String MICROSOFT = "com.microsoft";

  private final List<NodeProto> nodes = new ArrayList<>();
  private final Set<String> constants = new HashSet<>();

  List<NodeProto> all() {
    return nodes;
  }

  /** Adds an operator of ONNX with one output, {@code <name>/output_0}, and returns that. */
  String add(String op, String name, List<String> inputs, AttributeProto... attributes) {
    String output = name + "/output_0";
    add("", op, name, inputs, List.of(output), attributes);
    return output;
  }

  void add(
      String domain,
      String op,
      String name,
      List<String> inputs,
      List<String> outputs,
      AttributeProto... attributes) {
    NodeProto.Builder node = NodeProto.newBuilder().setOpType(op).setName(name);
    if (!domain.isEmpty()) {
      node.setDomain(domain);
    }
    nodes.add(
        node.addAllInput(inputs)
            .addAllOutput(outputs)
            .addAllAttribute(Arrays.asList(attributes))
            .build());
  }

  /** Another type of the same numbers. */
  String cast(String name, String input, OnnxType to) {
    return add("Cast", name, List.of(input), number("to", to.number()));
  }

  /** Gives the one output of the last node another name. */
  void nameLastOutput(String name) {
    NodeProto last = nodes.getLast();
    nodes.set(nodes.size() - 1, last.toBuilder().setOutput(0, name).build());
  }

  /** A whole number. */
  String scalar(long value) {
    return constant(Long.toString(value), List.of(), new long[] {value});
  }

  /** A list of whole numbers. */
  String list(long... values) {
    return constant(Arrays.toString(values), List.of((long) values.length), values);
  }

  /** A number in single precision. */
  String real(double value) {
    return real(FloatType.F32, value);
  }

  String real(FloatType type, double value) {
    byte[] bytes = new byte[type.bytes()];
    type.put(bytes, 0, (float) value);
    return constant(OnnxType.of(type), Double.toString(value), List.of(), bytes);
  }

  /** A number in single precision under a name of its own. */
  String real(String name, float value) {
    byte[] bytes = new byte[Float.BYTES];
    LittleEndian.putFloat(bytes, 0, value);
    return named(name, OnnxType.FLOAT, bytes);
  }

  /** A byte under a name of its own. */
  String unsigned(String name, int value) {
    return named(name, OnnxType.UINT8, new byte[] {(byte) value});
  }

  private String named(String name, OnnxType type, byte[] bytes) {
    ByteString content = ByteString.copyFrom(bytes);
    String output = name + "/output_0";
    add(
        "",
        "Constant",
        name,
        List.of(),
        List.of(output),
        tensor("value", tensor(output, type, List.of(), content)));
    return output;
  }

  private String constant(String spelling, List<Long> dimensions, long[] values) {
    byte[] bytes = new byte[values.length * Long.BYTES];
    for (int i = 0; i < values.length; i++) {
      LittleEndian.putLong(bytes, i * Long.BYTES, values[i]);
    }
    return constant(OnnxType.INT64, spelling, dimensions, bytes);
  }

  private String constant(OnnxType type, String spelling, List<Long> dimensions, byte[] bytes) {
    String name = "/model/constants/%s/%s".formatted(type, spelling);
    if (constants.add(name)) {
      add(
          "",
          "Constant",
          name.replace("constants", "constant_nodes"),
          List.of(),
          List.of(name),
          tensor("value", tensor(name, type, dimensions, ByteString.copyFrom(bytes))));
    }
    return name;
  }

  static TensorProto tensor(String name, OnnxType type, List<Long> dimensions, ByteString bytes) {
    return TensorProto.newBuilder()
        .setName(name)
        .setDataType(type.number())
        .addAllDims(dimensions)
        .setRawData(bytes)
        .build();
  }

  static AttributeProto number(String name, long value) {
    return attribute(name, AttributeType.INT).setI(value).build();
  }

  static AttributeProto real(String name, double value) {
    return attribute(name, AttributeType.FLOAT).setF((float) value).build();
  }

  static AttributeProto text(String name, String value) {
    return attribute(name, AttributeType.STRING).setS(ByteString.copyFromUtf8(value)).build();
  }

  static AttributeProto numbers(String name, long... values) {
    AttributeProto.Builder builder = attribute(name, AttributeType.INTS);
    Arrays.stream(values).forEach(builder::addInts);
    return builder.build();
  }

  static AttributeProto tensor(String name, TensorProto value) {
    return attribute(name, AttributeType.TENSOR).setT(value).build();
  }

  static AttributeProto graph(String name, GraphProto value) {
    return attribute(name, AttributeType.GRAPH).setG(value).build();
  }

  private static AttributeProto.Builder attribute(String name, AttributeType type) {
    return AttributeProto.newBuilder().setName(name).setType(type);
  }
}
