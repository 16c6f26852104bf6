package dev.phial.targets.onnx;

import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.OperatorSetIdProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorShapeProto;
import onnx.Onnx.TypeProto;
import onnx.Onnx.ValueInfoProto;

/** What stands around the nodes of a graph. */
final class Protos {
  private static final int IR_VERSION = 10;
  private static final int OPSET = 22;

  private Protos() {}

  /** Adds the tensors of the data file, in its order. */
  static void addInitializers(GraphProto.Builder graph, OnnxData data) {
    data.offsets()
        .forEach(
            (initializer, offset) -> graph.addInitializer(external(initializer, data, offset)));
  }

  /** A graph whose tensors lie in a file, with ONNX Runtime's own operators. */
  static ModelProto model(GraphProto.Builder graph, OnnxData data) {
    addInitializers(graph, data);
    return ModelProto.newBuilder()
        .setIrVersion(IR_VERSION)
        .setProducerName("phial")
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain("").setVersion(OPSET))
        .addOpsetImport(OperatorSetIdProto.newBuilder().setDomain(Nodes.MICROSOFT).setVersion(1))
        .setGraph(graph)
        .build();
  }

  private static TensorProto external(Initializer initializer, OnnxData data, long offset) {
    return TensorProto.newBuilder()
        .setName(initializer.name())
        .setDataType(initializer.type().number())
        .addAllDims(initializer.dimensions())
        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
        .addExternalData(entry("location", data.name()))
        .addExternalData(entry("offset", Long.toString(offset)))
        .addExternalData(entry("length", Long.toString(initializer.bytes())))
        .build();
  }

  private static StringStringEntryProto entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value).build();
  }

  /**
   * An input or output of a graph.
   *
   * @param dimensions numbers, and names for what is only known when it runs
   */
  static ValueInfoProto value(String name, OnnxType type, Object... dimensions) {
    TensorShapeProto.Builder shape = TensorShapeProto.newBuilder();
    for (Object dimension : dimensions) {
      switch (dimension) {
        case Long size -> shape.addDimBuilder().setDimValue(size);
        case Object label -> shape.addDimBuilder().setDimParam(label.toString());
      }
    }
    return ValueInfoProto.newBuilder()
        .setName(name)
        .setType(
            TypeProto.newBuilder()
                .setTensorType(
                    TypeProto.Tensor.newBuilder().setElemType(type.number()).setShape(shape)))
        .build();
  }
}
