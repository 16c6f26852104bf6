package dev.phial.source;

import com.google.protobuf.ByteString;
import java.nio.file.Path;
import java.util.List;
import java.util.function.Consumer;
import onnx.Onnx.AttributeProto;
import onnx.Onnx.GraphProto;
import onnx.Onnx.ModelProto;
import onnx.Onnx.NodeProto;
import onnx.Onnx.StringStringEntryProto;
import onnx.Onnx.TensorProto;
import onnx.Onnx.TensorProto.DataType;

/**
 * A folder of ONNX Runtime GenAI as small as one can be: a layer of width 16 with one head, a
 * quantized projection and a transposed one.
 */
final class OnnxFiles {
  static final String GENAI =
      """
      {"model":{"type":"phi3","vocab_size":2,"context_length":4,"eos_token_id":1,
       "decoder":{"filename":"model.onnx","hidden_size":16,"head_size":16,
        "num_attention_heads":1,"num_key_value_heads":1,"num_hidden_layers":1}}}\
      """;

  static final String DATA = "model.onnx.data";

  private OnnxFiles() {}

  /** Writes it, with the graph changed. */
  static Path write(Path folder, Consumer<GraphProto.Builder> change) {
    GraphProto.Builder graph = graph();
    change.accept(graph);
    Refused.write(folder.resolve("genai_config.json"), GENAI);
    Refused.write(folder.resolve(DATA), new byte[256]);
    return Refused.write(folder.resolve("model.onnx"), model(graph));
  }

  static byte[] model(GraphProto.Builder graph) {
    return ModelProto.newBuilder().setIrVersion(10).setGraph(graph).build().toByteArray();
  }

  static GraphProto.Builder graph() {
    GraphProto.Builder graph = GraphProto.newBuilder();
    graph.addInitializer(tensor("model.embed_tokens.weight", DataType.FLOAT, 128, 2, 16));
    graph.addInitializer(tensor("model.layers.0.input_layernorm.weight", DataType.FLOAT, 64, 16));
    graph.addInitializer(
        tensor("model.layers.0.attn.qkv_proj.MatMul.weight_Q4", DataType.UINT8, 48 * 8, 48, 1, 8));
    graph.addInitializer(
        tensor("model.layers.0.attn.qkv_proj.MatMul.weight_scales", DataType.FLOAT, 48 * 4, 48, 1));
    graph.addInitializer(
        tensor("model.layers.0.attn.qkv_proj.MatMul.weight_zero_points", DataType.UINT8, 48, 48));
    graph.addInitializer(
        external("model.layers.0.mlp.down_proj.MatMul.weight", DATA, "0", "256", 4, 16));
    graph.addInitializer(rotary("cos_cache", false)).addInitializer(rotary("sin_cache", true));
    graph.addNode(
        node("Gather", "embedding", List.of("model.embed_tokens.weight", "input_ids"), "x"));
    graph.addNode(
        node(
            "SimplifiedLayerNormalization",
            "norm",
            List.of("x", "model.layers.0.input_layernorm.weight"),
            "y",
            AttributeProto.newBuilder()
                .setName("epsilon")
                .setType(AttributeProto.AttributeType.FLOAT)
                .setF(1e-5f)));
    graph.addNode(
        node(
            "MatMulNBits",
            "qkv",
            List.of(
                "y",
                "model.layers.0.attn.qkv_proj.MatMul.weight_Q4",
                "model.layers.0.attn.qkv_proj.MatMul.weight_scales",
                "model.layers.0.attn.qkv_proj.MatMul.weight_zero_points"),
            "qkv",
            number("K", 16),
            number("N", 48),
            number("bits", 4),
            number("block_size", 16)));
    graph.addNode(
        node(
            "GroupQueryAttention",
            "attention",
            List.of("qkv", "", "", "", "", "", "", "cos_cache", "sin_cache"),
            "z",
            number("do_rotary", 1)));
    graph.addNode(
        node("MatMul", "down", List.of("z", "model.layers.0.mlp.down_proj.MatMul.weight"), "w"));
    return graph;
  }

  /** Rounds the activations before the product with the down projection. */
  static void round(GraphProto.Builder graph) {
    graph
        .addInitializer(
            tensor("scale", DataType.FLOAT, 0).setRawData(ByteString.copyFrom(Bytes.of(0.5f))))
        .addInitializer(
            tensor("zero", DataType.UINT8, 0).setRawData(ByteString.copyFrom(Bytes.of((byte) 3))))
        .addNode(node("QuantizeLinear", "q", List.of("z", "scale", "zero"), "codes"))
        .addNode(node("DequantizeLinear", "dq", List.of("codes", "scale", "zero"), "rounded"));
    graph.getNodeBuilder(4).setInput(0, "rounded");
  }

  static AttributeProto.Builder number(String name, long value) {
    return AttributeProto.newBuilder()
        .setName(name)
        .setType(AttributeProto.AttributeType.INT)
        .setI(value);
  }

  static NodeProto.Builder node(
      String op, String name, List<String> inputs, String output, AttributeProto.Builder... more) {
    NodeProto.Builder node =
        NodeProto.newBuilder().setOpType(op).setName(name).addAllInput(inputs).addOutput(output);
    for (AttributeProto.Builder attribute : more) {
      node.addAttribute(attribute);
    }
    return node;
  }

  static TensorProto.Builder tensor(String name, DataType type, int bytes, long... dimensions) {
    TensorProto.Builder tensor =
        TensorProto.newBuilder()
            .setName(name)
            .setDataType(type.getNumber())
            .setRawData(ByteString.copyFrom(new byte[bytes]));
    for (long dimension : dimensions) {
      tensor.addDims(dimension);
    }
    return tensor;
  }

  static TensorProto.Builder external(
      String name, String location, String offset, String length, long... dimensions) {
    return tensor(name, DataType.FLOAT, 0, dimensions)
        .clearRawData()
        .setDataLocation(TensorProto.DataLocation.EXTERNAL)
        .addExternalData(entry("location", location))
        .addExternalData(entry("offset", offset))
        .addExternalData(entry("length", length));
  }

  private static StringStringEntryProto.Builder entry(String key, String value) {
    return StringStringEntryProto.newBuilder().setKey(key).setValue(value);
  }

  private static TensorProto.Builder rotary(String name, boolean sine) {
    Object[] values = new Object[4 * 8];
    for (int i = 0; i < values.length; i++) {
      int position = i / 8;
      double angle = position * Math.pow(10_000, -(i % 8) / 8.0);
      values[i] = (float) (sine ? Math.sin(angle) : Math.cos(angle));
    }
    return tensor(name, DataType.FLOAT, 0, 4, 8).setRawData(ByteString.copyFrom(Bytes.of(values)));
  }
}
