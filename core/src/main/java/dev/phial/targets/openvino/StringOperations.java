package dev.phial.targets.openvino;

import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/**
 * The operations of openvino_tokenizers, in which texts are lists of strings and of their pieces.
 */
final class StringOperations {
  /** The shape of a list. */
  static final List<Long> LIST = List.of(Value.UNKNOWN);

  private StringOperations() {}

  static Value extension(
      Ir ir,
      String type,
      Map<String, String> attributes,
      List<Value> inputs,
      List<Layer.Output> outputs) {
    return many(ir, type, "extension", attributes, inputs, outputs);
  }

  static Value many(
      Ir ir,
      String type,
      String opset,
      Map<String, String> attributes,
      List<Value> inputs,
      List<Layer.Output> outputs) {
    return ir.add("", type, opset, attributes, inputs, outputs, List.of());
  }

  static List<Value> outputs(Ir ir, Value first, int count) {
    List<Value> values = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      values.add(ir.output(first, i));
    }
    return values;
  }

  /** Where strings begin and end, and their bytes. */
  static List<Layer.Output> strings() {
    return List.of(
        new Layer.Output(ElementType.I32, LIST, List.of()),
        new Layer.Output(ElementType.I32, LIST, List.of()),
        new Layer.Output(ElementType.U8, LIST, List.of()));
  }

  /** Where the pieces of texts begin and end, those pieces, and whether they are done with. */
  static List<Layer.Output> parts() {
    List<Layer.Output> all = new ArrayList<>(integers(2));
    all.addAll(strings());
    all.add(new Layer.Output(ElementType.BOOLEAN, LIST, List.of()));
    return all;
  }

  static List<Layer.Output> integers(int count) {
    List<Layer.Output> all = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      all.add(new Layer.Output(ElementType.I32, LIST, List.of()));
    }
    return all;
  }

  static Value string(Ir ir, String text) {
    byte[] bytes = TokenizerSource.utf8(text);
    return ir.constant(
        ElementType.U8,
        List.of((long) bytes.length),
        bytes.length == 0 ? new byte[1] : bytes); // a constant has at least a byte
  }

  static List<Value> strings(Ir ir, List<byte[]> all) {
    int[] begins = new int[all.size()];
    int[] ends = new int[all.size()];
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    for (int i = 0; i < begins.length; i++) {
      begins[i] = bytes.size();
      bytes.writeBytes(all.get(i));
      ends[i] = bytes.size();
    }
    List<Long> shape = List.of((long) begins.length);
    return List.of(
        ir.ints(shape, begins),
        ir.ints(shape, ends),
        ir.constant(ElementType.U8, List.of((long) bytes.size()), bytes.toByteArray()));
  }
}
