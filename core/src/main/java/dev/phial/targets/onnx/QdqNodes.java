package dev.phial.targets.onnx;

import com.google.protobuf.ByteString;
import dev.phial.io.LittleEndian;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.TensorProto;

/**
 * Operators whose inputs come from DequantizeLinear and whose outputs go through QuantizeLinear: an
 * accelerator computes the three as one, with integers.
 */
final class QdqNodes {
  private final Nodes nodes;
  private final Map<String, TensorProto> constants = new LinkedHashMap<>();

  QdqNodes(Nodes nodes) {
    this.nodes = nodes;
  }

  /**
   * A number that lies in codes.
   *
   * @param name of its value as a number, what DequantizeLinear gives
   * @param integers of its codes
   */
  record Signal(String name, String integers, ActivationCodes codes) {}

  List<TensorProto> constants() {
    return List.copyOf(constants.values());
  }

  /** The name of the node that rounds the activations of a place; the reader knows them by it. */
  static String name(ActivationPlace place) {
    return "/" + place.path();
  }

  /** Adds an operator and rounds its output. */
  Signal add(
      String op,
      String name,
      List<String> inputs,
      ActivationPlace place,
      ActivationCodes codes,
      AttributeProto... attributes) {
    return round(nodes.add(op, name, inputs, attributes), name(place), codes);
  }

  /** Adds an operator that only moves numbers around; the codes stay what they are. */
  Signal move(String op, String name, Signal input, List<String> others, AttributeProto... more) {
    List<String> inputs = new ArrayList<>(List.of(input.name));
    inputs.addAll(others);
    return round(nodes.add(op, name, inputs, more), name + "/codes", input.codes);
  }

  /** Rounds a value. */
  Signal round(String value, String name, ActivationCodes codes) {
    return round(value, name, name + "/quantized", codes);
  }

  /**
   * Rounds a value.
   *
   * @param integers the name that its codes get
   */
  Signal round(String value, String name, String integers, ActivationCodes codes) {
    nodes.add(
        "", "QuantizeLinear", name, List.of(value, scale(codes), zero(codes)), List.of(integers));
    return dequantize(integers, name + "/dequantized", codes);
  }

  /** What integers stand for. */
  Signal dequantize(String integers, String name, ActivationCodes codes) {
    nodes.add(
        "",
        "DequantizeLinear",
        name + "/DequantizeLinear",
        List.of(integers, scale(codes), zero(codes)),
        List.of(name));
    return new Signal(name, integers, codes);
  }

  /** What signed integers with a scale per column, or per element, stand for. */
  String dequantize(String integers, String scales, int axis) {
    String output = integers + "/dequantized";
    nodes.add(
        "",
        "DequantizeLinear",
        integers + "/DequantizeLinear",
        List.of(integers, scales),
        List.of(output),
        Nodes.number("axis", axis));
    return output;
  }

  private String scale(ActivationCodes codes) {
    byte[] bytes = new byte[Float.BYTES];
    LittleEndian.putFloat(bytes, 0, codes.scale());
    return constant("/scales/" + Float.toString(codes.scale()), OnnxType.FLOAT, List.of(), bytes);
  }

  private String zero(ActivationCodes codes) {
    byte[] bytes = new byte[codes.bits() / Byte.SIZE];
    bytes[0] = (byte) codes.zero();
    if (bytes.length > 1) {
      bytes[1] = (byte) (codes.zero() >> Byte.SIZE);
    }
    return constant(
        "/zeros/%d/%d".formatted(codes.bits(), codes.zero()), type(codes), List.of(), bytes);
  }

  /** Puts a small tensor into the graph itself, once. */
  String constant(String name, OnnxType type, List<Long> dimensions, byte[] bytes) {
    constants.computeIfAbsent(
        name, n -> Nodes.tensor(n, type, dimensions, ByteString.copyFrom(bytes)));
    return name;
  }

  static OnnxType type(ActivationCodes codes) {
    return codes.bits() == Byte.SIZE ? OnnxType.UINT8 : OnnxType.UINT16;
  }
}
