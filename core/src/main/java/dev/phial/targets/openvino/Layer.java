package dev.phial.targets.openvino;

import java.util.List;
import java.util.Map;

/**
 * A node of the graph.
 *
 * @param opset where its type is defined
 * @param attributes in their order
 * @param outputs their types and shapes
 * @param notes what is said about it for the plugins, by name and version
 */
record Layer(
    int id,
    String name,
    String type,
    String opset,
    Map<String, String> attributes,
    List<Value> inputs,
    List<Output> outputs,
    List<String> notes) {
  /**
   * @param names by which the runtime finds it
   */
  record Output(ElementType type, List<Long> shape, List<String> names) {}

  /** This layer with another as its only output. */
  Layer with(Output output) {
    return new Layer(id, name, type, opset, attributes, inputs, List.of(output), notes);
  }
}
