package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.graph;
import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.tensor;
import static dev.phial.targets.onnx.Protos.value;

import com.google.protobuf.ByteString;
import com.google.protobuf.UnsafeByteOperations;
import dev.phial.model.Hyperparameters;
import dev.phial.model.LongRope;
import dev.phial.model.Rotary;
import dev.phial.quant.FloatType;
import java.util.List;
import java.util.Optional;
import java.util.function.Supplier;
import onnx.Onnx.GraphProto;
import onnx.Onnx.NodeProto;

/** Rotary embedding: the tables of cosines and sines, which of them counts, and who rotates. */
final class RotaryNodes {
  private final Hyperparameters h;
  private final Provider provider;
  private final FloatType type;
  private final Nodes nodes;
  private final OnnxData data;
  private final Supplier<String> totalLength;
  private boolean hasTables;
  private String positions = "position_ids";

  /**
   * @param totalLength adds the number of tokens of the longest text to the graph, once
   */
  RotaryNodes(
      Hyperparameters h,
      OnnxOptions options,
      Nodes nodes,
      OnnxData data,
      Supplier<String> totalLength) {
    this.h = h;
    this.provider = options.provider();
    this.type = options.activations();
    this.nodes = nodes;
    this.data = data;
    this.totalLength = totalLength;
  }

  /** For LongRoPE, the caches of short and long texts; others get theirs in the first layer. */
  void begin() {
    Optional<LongRope> longRope =
        h.rope().longRope().filter(rope -> h.context() > h.rope().originalContext());
    if (longRope.isEmpty()) {
      return;
    }
    hasTables = true;
    RotaryTable.Stretch small =
        new RotaryTable.Stretch(Rotary.of(h, false), h.rope().originalContext());
    RotaryTable.Stretch large = new RotaryTable.Stretch(Rotary.of(h, true), h.context());
    if (provider.hasIf()) {
      String isLong =
          nodes.add(
              "Greater",
              "/model/rope_caches_subgraph/Greater",
              List.of(totalLength.get(), nodes.scalar(h.rope().originalContext())));
      nodes.add(
          "",
          "If",
          "/model/rope_caches_subgraph/If",
          List.of(isLong),
          List.of("cos_cache", "sin_cache"),
          graph("then_branch", constants("large", large)),
          graph("else_branch", constants("small", small)));
    } else {
      addTables(List.of(small, large));
      String last =
          nodes.add(
              "ReduceMax",
              "/model/pos_ids_reformat/ReduceMax",
              List.of("position_ids"),
              number("keepdims", 0));
      String original = nodes.scalar(h.rope().originalContext());
      String isLong =
          nodes.add(
              "GreaterOrEqual", "/model/pos_ids_reformat/GreaterOrEqual", List.of(last, original));
      String factor = nodes.cast("/model/pos_ids_reformat/Cast", isLong, OnnxType.INT64);
      String shift = nodes.add("Mul", "/model/pos_ids_reformat/Mul", List.of(factor, original));
      positions = nodes.add("Add", "/model/pos_ids_reformat/Add_1", List.of(shift, "position_ids"));
    }
  }

  private GraphProto constants(String size, RotaryTable.Stretch stretch) {
    GraphProto.Builder branch = GraphProto.newBuilder().setName(size + "_rope_caches_graph");
    for (boolean sine : new boolean[] {false, true}) {
      String table = (sine ? "sin" : "cos") + "_cache";
      String output = table + "_" + size;
      List<Long> dimensions = List.of((long) stretch.positions(), (long) stretch.cache().columns());
      byte[] bytes = RotaryTable.bytes(stretch.cache(), 0, stretch.positions(), sine, type);
      ByteString content = UnsafeByteOperations.unsafeWrap(bytes);
      branch.addNode(
          NodeProto.newBuilder()
              .setOpType("Constant")
              .setName("/%s/%s/Constant".formatted(size, table))
              .addOutput(output)
              .addAttribute(
                  tensor("value", Nodes.tensor(output, OnnxType.of(type), dimensions, content))));
      branch.addOutput(value(output, OnnxType.of(type), dimensions.toArray()));
    }
    return branch.build();
  }

  /** The tables of a model without LongRoPE, unless they are there. */
  void ensureTables() {
    if (hasTables) {
      return;
    }
    hasTables = true;
    addTables(List.of(new RotaryTable.Stretch(Rotary.of(h, false), h.context())));
  }

  private void addTables(List<RotaryTable.Stretch> stretches) {
    RotaryTable cosines = new RotaryTable(stretches, false, type);
    RotaryTable sines = new RotaryTable(stretches, true, type);
    data.add(cosines.initializer("cos_cache"), cosines);
    data.add(sines.initializer("sin_cache"), sines);
  }

  /** Rotates queries or keys, where attention does not do it itself. */
  String rotate(String name, String input, int heads) {
    String output = name + "/output_0";
    boolean partial = h.rope().dimensions() != h.attention().headSize();
    nodes.add(
        MICROSOFT,
        "RotaryEmbedding",
        name,
        List.of(input, positions, "cos_cache", "sin_cache"),
        List.of(output),
        number("interleaved", 0),
        number("num_heads", partial ? heads : 0),
        number("rotary_embedding_dim", partial ? h.rope().dimensions() : 0));
    return output;
  }
}
