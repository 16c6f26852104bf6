package dev.phial.targets.onnx;

import static dev.phial.targets.onnx.Nodes.MICROSOFT;
import static dev.phial.targets.onnx.Nodes.number;
import static dev.phial.targets.onnx.Nodes.real;
import static dev.phial.targets.onnx.Nodes.text;

import dev.phial.PhialException;
import dev.phial.graph.FeedForward;
import dev.phial.model.Rows;
import dev.phial.model.Weight;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Stretch;
import dev.phial.quant.FloatType;
import dev.phial.quant.GroupInt;
import dev.phial.quant.Recoding;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.onnx.OnnxData.Turn;
import dev.phial.tensor.Coding;
import dev.phial.tensor.Shape;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import onnx.Onnx.AttributeProto;

/** A mixture of experts: the router, and MoE or QMoE over stacks of matrices. */
final class ExpertNodes {
  private final OnnxOptions options;
  private final FloatType type;
  private final Nodes nodes;
  private final OnnxData data;
  private final Projections projections;

  ExpertNodes(OnnxOptions options, Nodes nodes, OnnxData data, Projections projections) {
    this.options = options;
    this.type = options.activations();
    this.nodes = nodes;
    this.data = data;
    this.projections = projections;
  }

  /**
   * Gate and up projection alternate row by row, as the operators want them.
   *
   * @param place of the input
   */
  String write(String name, FeedForward.Experts experts, String input, ActivationPlace place) {
    if (!options.provider().hasExperts()) {
      throw new PhialException.Unsupported(
          "--ep %s: its kernels run no mixture of experts; choose another provider"
              .formatted(options.provider().label()));
    }
    String scores =
        options.keeps()
            ? projections.matmul(name + "/gate", experts.router(), input, place)
            : projections.plainMatmul(name + "/gate", experts.router(), input);
    SparseMixer.Routing routing = SparseMixer.add(nodes, name + "/router", experts, scores, type);
    String prefix = name.substring(1).replace('/', '.') + ".experts.";
    long count = experts.gate().shape().dimensions().getFirst();
    long width = experts.gate().matrixRows();
    List<Stretch> fused = new ArrayList<>();
    for (long expert = 0; expert < count; expert++) {
      long to = 2 * expert * width;
      fused.add(new Stretch(new Rows(experts.gate(), expert * width, width), to, 2));
      fused.add(new Stretch(new Rows(experts.up(), expert * width, width), to + 1, 2));
    }
    Optional<GroupInt> format = expertFormat(prefix, experts);
    List<String> gateUp = expertMatrix(prefix + "gate_up_proj", count, 2 * width, fused, format);
    List<String> down =
        expertMatrix(
            prefix + "down_proj",
            count,
            experts.down().matrixRows(),
            List.of(new Stretch(Rows.of(experts.down()), 0, 1)),
            format);
    List<String> inputs = new ArrayList<>(List.of(input, routing.logits()));
    inputs.addAll(gateUp);
    inputs.add("");
    inputs.addAll(down);
    List<AttributeProto> attributes =
        new ArrayList<>(
            List.of(
                text("activation_type", "swiglu"),
                number("swiglu_fusion", 1),
                real("activation_alpha", 1),
                real("activation_beta", 0),
                number("k", experts.used()),
                number("normalize_routing_weights", 0)));
    boolean isQuantized = format.isPresent();
    if (isQuantized) {
      attributes.add(number("expert_weight_bits", format.get().bits()));
      attributes.add(number("block_size", format.get().blockSize()));
      if (options.provider() == Provider.CUDA) {
        attributes.add(number("weights_prepacked", 0));
      }
    }
    String output = name + "/output_0";
    nodes.add(
        MICROSOFT,
        isQuantized ? "QMoE" : "MoE",
        name,
        inputs,
        List.of(output),
        attributes.toArray(AttributeProto[]::new));
    String scaled = nodes.add("Mul", name + "/Mul", List.of(output, routing.factor()));
    if (isQuantized) {
      return scaled;
    }
    // ONNX Runtime 1.31 lets MoE write over an input it still reads, unless that is needed later
    String never = nodes.add("IsNaN", name + "/IsNaN", List.of(routing.factor()));
    return nodes.add("Where", name + "/Where", List.of(never, input, scaled));
  }

  /** One for all of them, as QMoE wants it; empty if they are numbers. */
  private Optional<GroupInt> expertFormat(String prefix, FeedForward.Experts experts) {
    int bits = options.precision().bits();
    if (!options.keeps()) {
      return options.precision().isQuantized()
          ? Optional.of(Algorithm.DEFAULT.format(bits, options.blockSize(), true, type))
          : Optional.empty();
    }
    Optional<Recoding> recoding =
        projections.recoding(prefix, List.of(experts.gate(), experts.up(), experts.down()));
    if (recoding.isPresent() && recoding.get().to().offset() != Coding.Offset.NONE) {
      throw new PhialException.Unsupported(
          "tensor %s: expected codes around zero, since QMoE has no zero points, found others; choose another target, or quantize anew without --carry"
              .formatted(prefix));
    }
    return recoding.map(projections::format);
  }

  /** Stores one matrix per expert, {@code [experts, rows, columns]}; returns weights and scales. */
  private List<String> expertMatrix(
      String name, long experts, long rows, List<Stretch> sources, Optional<GroupInt> quantized) {
    long columns = sources.getFirst().rows().weight().shape().columns();
    Shape shape = Shape.of(experts, rows, columns);
    if (quantized.isEmpty()) {
      Initializer all = Initializer.of(name + ".weight", OnnxType.of(type), experts, rows, columns);
      PlannedTensor tensor =
          new PlannedTensor(name, shape, projections.plainFormat(), sources, Optional.empty());
      data.add(tensor, RowStore.of(tensor, all), Turn.PLAIN);
      return List.of(all.name());
    }
    GroupInt format = quantized.get();
    int bits = format.bits();
    projections.checkDivides(name, columns, format.blockSize());
    Initializer codes =
        Initializer.of(
            name + ".qweight", OnnxType.UINT8, experts, rows, columns * bits / Byte.SIZE);
    Initializer scales =
        Initializer.of(
            name + ".scales", OnnxType.of(type), experts, rows, columns / format.blockSize());
    List<Weight> weights = sources.stream().map(source -> source.rows().weight()).toList();
    PlannedTensor tensor =
        new PlannedTensor(name, shape, format, sources, projections.recoding(name, weights));
    data.add(
        tensor,
        RowStore.of(tensor, format, codes, scales, Optional.empty(), false, true),
        Turn.PLAIN);
    return List.of(codes.name(), scales.name());
  }
}
