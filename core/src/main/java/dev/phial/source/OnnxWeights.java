package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.IntCodes;
import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.source.OnnxGraph.Node;
import dev.phial.tensor.DType;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Scales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;

/**
 * The parameters in the graph of a decoder, found by the operators that use them: codes, scales and
 * zero points become one tensor that reads as numbers, and what lies transposed reads in rows,
 * {@code [outputs, inputs]}. Names are those of the model builder of ONNX Runtime GenAI, {@code
 * model.layers.0.attn.qkv_proj.weight}.
 */
final class OnnxWeights {
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String OUTPUT = "lm_head.weight";

  /** How the tables of a static graph are called; its mask follows from its shape. */
  private static final String ROTARY = "model.rotary.";

  private static final String MASK = "/model/mask/order";

  /** Longer tensors must have a meaning; shorter ones steer the graph. */
  private static final long LONGEST_CONSTANT = 16;

  /** What follows the name of a layer in that of its tensors. */
  private static final List<String> SUFFIXES =
      List.of(".MatMul.weight", ".Add.bias", ".qweight", ".weight", ".bias");

  private final Path file;
  private final OnnxGraph graph;
  private final OnnxInputs inputs;
  private final OnnxMatrices coded;
  private final Map<String, Tensor> tensors = new LinkedHashMap<>();
  private final Set<String> epsilons = new HashSet<>();

  /** Of a MatMul by its output, the matrix it multiplies with. */
  private final Map<String, String> matrices = new HashMap<>();

  private boolean tied;

  private OnnxWeights(Path file, OnnxGraph graph) {
    this.file = file;
    this.graph = graph;
    this.inputs = new OnnxInputs(file, graph);
    this.coded = new OnnxMatrices(inputs);
  }

  /**
   * What a graph holds.
   *
   * @param tied whether input and output share a matrix, which is then the embedding
   * @param epsilon of every norm
   * @param activations what is rounded on the way
   */
  record Contents(
      Map<String, Tensor> tensors,
      boolean tied,
      double epsilon,
      Map<ActivationPlace, ActivationCodes> activations) {}

  /**
   * @throws PhialException.BadInput if tensors do not fit their operators
   * @throws PhialException.Unsupported if the graph holds what no decoder has
   */
  static Contents read(Path file, OnnxGraph graph) {
    return new OnnxWeights(file, graph).read();
  }

  /**
   * Reads a graph from tokens to embeddings alone.
   *
   * @throws PhialException.BadInput if tensors do not fit their operators
   * @throws PhialException.Unsupported if the graph holds more
   */
  static Map<String, Tensor> readEmbedding(Path file, OnnxGraph graph) {
    OnnxWeights weights = new OnnxWeights(file, graph);
    weights.find();
    return weights.tensors;
  }

  private void find() {
    for (Node node : graph.nodes()) {
      switch (node.op()) {
        case "MatMulNBits" -> addNBits(node);
        case "MatMul" -> addMatrix(node);
        case "Gather" -> addTable(node);
        case "GatherBlockQuantized" -> addQuantizedTable(node);
        case "LayerNormalization", "SimplifiedLayerNormalization", "RMSNormalization" ->
            addNorm(node, 1);
        case "Gemm" -> {
          if (inputs.isDequantized(node.input(2))) {
            addLinear(node);
          }
        }
        case "SkipLayerNormalization", "SkipSimplifiedLayerNormalization" -> addNorm(node, 2);
        case "Add" -> addBias(node);
        case "MoE" -> addExperts(node);
        case "QMoE" -> addQuantizedExperts(node);
        case "GroupQueryAttention" -> {
          checkScores(node);
          inputs.take(node, 7, 8);
        }
        case "SparseAttention" -> inputs.take(node, 5, 6, 9, 10);
        case "Where" -> // tokens that are never predicted
            inputs
                .constant(node.input(0))
                .filter(tensor -> tensor.encoding() == DType.BOOL)
                .ifPresent(inputs::use);
        case "RotaryEmbedding" -> inputs.take(node, 2, 3);
        default -> {}
      }
    }
    for (Tensor tensor : graph.initializers().values()) {
      if (!inputs.isUsed(tensor)
          && !tensor.name().equals(MASK)
          && tensor.shape().elements() > LONGEST_CONSTANT) {
        throw Refusal.unsupported(
            file,
            "tensor %s: expected the parameters of a decoder as ONNX Runtime GenAI's model builder writes it, found one that has no place in it",
            tensor.name());
      }
    }
  }

  private Contents read() {
    find();
    if (tied) {
      Tensor output = tensors.remove(OUTPUT);
      if (output == null) {
        throw Refusal.bad(file, "expected the output matrix that the embedding shares, found none");
      }
      tensors.put(EMBEDDING, output.withName(EMBEDDING));
    }
    if (epsilons.size() != 1) {
      throw Refusal.unsupported(
          file,
          "expected one epsilon for all norms, found %s",
          epsilons.isEmpty() ? "none" : epsilons);
    }
    double epsilon = Double.parseDouble(epsilons.iterator().next());
    if (!(epsilon > 0 && epsilon < 1)) {
      throw Refusal.bad(file, "expected an epsilon between 0 and 1, found %s", epsilon);
    }
    return new Contents(
        tensors, tied, epsilon, OnnxActivations.read(file, graph, inputs.producers(), matrices));
  }

  // --- matrices

  private void addNBits(Node node) {
    Tensor codes = inputs.need(node, 1);
    Tensor scales = inputs.need(node, 2);
    long bits = node.number("bits", 4);
    long size = node.number("block_size", 0);
    long columns = node.number("K", 0);
    long rows = node.number("N", 0);
    if (bits != 4 && bits != 8
        || !OnnxInputs.isBlock(size)
        || columns < 1
        || columns > Integer.MAX_VALUE
        || rows < 1
        || rows > Integer.MAX_VALUE
        || columns % size != 0
        || !node.input(4).isEmpty()) {
      throw Refusal.unsupported(
          file,
          "node %s: expected 4 or 8 bits in whole blocks of 16 or more, in order, found %d bits, blocks of %d, %d rows, %d columns%s",
          node.name(),
          bits,
          size,
          rows,
          columns,
          node.input(4).isEmpty() ? "" : " and an order of its own");
    }
    String name = base(codes.name());
    Optional<Tensor> zeros = inputs.optional(node, 3);
    add(
        name + ".weight",
        coded.blocks(node, codes, scales, zeros, Shape.of(rows, columns), (int) bits, (int) size));
    inputs.optional(node, 5).ifPresent(bias -> addVector(node, name + ".bias", bias));
  }

  private void addMatrix(Node node) {
    Optional<Tensor> plain = inputs.constant(node.input(1));
    if (plain.isPresent()) {
      Tensor matrix = plain.get();
      if (matrix.shape().rank() == 2 && OnnxInputs.isFloat(matrix)) {
        inputs.use(matrix);
        addMatrix(node, matrix, coded.transposed(matrix, matrix.encoding(), null));
      }
      return;
    }
    Node producer = inputs.producers().get(node.input(1));
    if (producer != null && producer.op().equals("DequantizeLinear")) {
      inputs
          .constant(producer.input(0))
          .ifPresent(codes -> addMatrix(node, codes, coded.dequantized(producer, codes, 1)));
    }
  }

  /** A matrix and its bias, both integers. */
  private void addLinear(Node node) {
    addMatrix(node);
    Tensor codes = inputs.integers(node, 2);
    Node producer = Objects.requireNonNull(inputs.producers().get(node.input(2)));
    Tensor scales = inputs.need(producer, 1);
    long size = codes.shape().elements();
    if (codes.shape().rank() != 1
        || codes.encoding() != DType.I32
        || size == 0
        || size > Integer.MAX_VALUE
        || producer.number("axis", 1) != 0
        || !producer.input(2).isEmpty()
        || node.number("transB", 0) != 0
        || node.number("transA", 0) != 0
        || node.real("alpha", 1) != 1
        || node.real("beta", 1) != 1) {
      throw Refusal.unsupported(
          file,
          "node %s: expected a matrix and a bias of 32-bit integers with a scale for each, found a bias of %s %s, or another product",
          node.name(),
          codes.encoding().name(),
          codes.shape());
    }
    inputs.expectFloats(producer, scales, 1, size);
    Tensor perElement = OnnxInputs.reshape(scales, scales.encoding(), Shape.of(1, size));
    add(
        base(codes.name()) + ".bias",
        new Tensor(
            codes.file(),
            codes.name(),
            codes.encoding(),
            codes.shape(),
            codes.data(),
            new GroupScales(1, perElement, null, 0)));
  }

  private void addMatrix(Node node, Tensor stored, Tensor matrix) {
    String name = base(stored.name());
    add(name + ".weight", matrix);
    node.outputs().stream().findFirst().ifPresent(output -> matrices.put(output, name));
  }

  // --- embeddings

  private void addTable(Node node) {
    Optional<Tensor> plain = inputs.constant(node.input(0));
    if (plain.isPresent()) {
      Tensor table = plain.get();
      if (table.shape().rank() == 2 && OnnxInputs.isFloat(table)) {
        inputs.use(table);
        add(EMBEDDING, table);
      }
      return;
    }
    Node producer = inputs.producers().get(node.input(0));
    if (producer == null) {
      return;
    }
    if (producer.op().equals("Transpose")) {
      tied |= isOutput(producer.input(0));
    } else if (producer.op().equals("DequantizeLinear")) {
      inputs
          .constant(producer.input(0))
          .filter(codes -> codes.shape().rank() == 2)
          .ifPresent(codes -> {
            if (codes.name().startsWith(ROTARY)) { // which follow from the settings
              inputs.use(codes);
            } else {
              add(EMBEDDING, coded.dequantized(producer, codes, 0));
            }
          });
    }
  }

  private void addQuantizedTable(Node node) {
    Node producer = inputs.producers().get(node.input(0));
    if (producer != null && producer.op().equals("Reshape") && isOutput(producer.input(0))) {
      tied = true;
      return;
    }
    Tensor codes = inputs.need(node, 0);
    Tensor scales = inputs.need(node, 2);
    Optional<Tensor> zeros = inputs.optional(node, 3);
    long bits = node.number("bits", 4);
    long size = node.number("block_size", 128);
    long rows = codes.shape().rank() == 2 ? codes.shape().rows() : 0;
    boolean isPacked = codes.encoding() == DType.U8;
    long columns = codes.shape().columns() * (isPacked ? Byte.SIZE / Math.clamp(bits, 1, 8) : 1);
    if (bits != 4 && bits != 8
        || !OnnxInputs.isBlock(size)
        || rows < 1
        || columns < 1
        || columns > Integer.MAX_VALUE
        || columns % size != 0
        || !isPacked && !(codes.encoding() instanceof IntCodes)
        || node.number("gather_axis", 0) != 0
        || node.number("quantize_axis", 1) != 1) {
      throw Refusal.unsupported(
          file,
          "node %s: expected rows of 4 or 8 bits in whole blocks, found %s %s in blocks of %d",
          node.name(),
          codes.encoding().name(),
          codes.shape(),
          size);
    }
    Shape shape = Shape.of(rows, columns);
    if (isPacked) {
      add(EMBEDDING, coded.blocks(node, codes, scales, zeros, shape, (int) bits, (int) size));
      return;
    }
    long groups = columns / size;
    inputs.expectFloats(node, scales, rows, groups);
    boolean isSigned = codes.encoding().equals(IntCodes.INT4);
    IntCodes encoding = new IntCodes((isSigned ? "INT4G" : "UINT4G") + size, 4, isSigned, 0);
    Tensor perGroup = OnnxInputs.reshape(scales, scales.encoding(), Shape.of(rows, groups));
    Scales both = new GroupScales((int) size, perGroup, null, 0);
    if (zeros.isPresent()) {
      Tensor zero = zeros.get();
      if (!zero.encoding().equals(codes.encoding()) || groups % 2 != 0) {
        throw Refusal.unsupported(
            file,
            "tensor %s: expected an even number of zero points per row in %s, found %d in %s",
            zero.name(),
            codes.encoding().name(),
            groups,
            zero.encoding().name());
      }
      inputs.expect(node, zero, zero.encoding(), rows, groups);
      both = new GroupZeros((int) size, perGroup, zero, 0);
    }
    add(EMBEDDING, new Tensor(codes.file(), codes.name(), encoding, shape, codes.data(), both));
  }

  private boolean isOutput(String input) {
    return inputs.constant(input).map(table -> base(table.name()).equals("lm_head")).orElse(false);
  }

  // --- vectors

  private void addNorm(Node node, int at) {
    Tensor weight = vector(node, at);
    String name = base(weight.name());
    addVector(node, name + ".weight", weight);
    boolean centers = !node.op().contains("Simplified") && !node.op().startsWith("RMS");
    Optional<Tensor> bias =
        node.input(at + 1).isEmpty() ? Optional.empty() : Optional.of(vector(node, at + 1));
    if (bias.isPresent() && !centers || !node.input(at + 2).isEmpty()) {
      throw Refusal.unsupported(
          file,
          "node %s: expected a norm of the residual stream alone, found one that adds a bias to it",
          node.name());
    }
    bias.ifPresent(vector -> addVector(node, name + ".bias", vector));
    epsilons.add(Float.toString(node.real("epsilon", centers ? 1e-5f : 1e-12f)));
  }

  /** A vector, or integers that have one scale. */
  private Tensor vector(Node node, int input) {
    if (!inputs.isDequantized(node.input(input))) {
      return inputs.need(node, input);
    }
    Tensor codes = inputs.integers(node, input);
    Node producer = Objects.requireNonNull(inputs.producers().get(node.input(input)));
    Tensor zeros = inputs.need(producer, 2);
    long size = codes.shape().elements();
    if (codes.shape().rank() != 1
        || codes.encoding() != DType.U8 && codes.encoding() != DType.U16
        || size == 0
        || size > Integer.MAX_VALUE) {
      throw Refusal.unsupported(
          file,
          "node %s: expected a vector of integers of 8 or 16 bits without sign, found %s %s",
          producer.name(),
          codes.encoding().name(),
          codes.shape());
    }
    Tensor scales = inputs.need(producer, 1);
    inputs.expectFloats(producer, scales, 1, 1);
    inputs.expect(producer, zeros, codes.encoding(), 1, 1);
    return new Tensor(
        codes.file(),
        codes.name(),
        codes.encoding(),
        codes.shape(),
        codes.data(),
        new GroupZeros(
            (int) size,
            OnnxInputs.reshape(scales, scales.encoding(), Shape.of(1, 1)),
            OnnxInputs.reshape(zeros, zeros.encoding(), Shape.of(1, 1)),
            0));
  }

  private void addBias(Node node) {
    for (int i = 0; i < 2; i++) {
      Optional<Tensor> bias = inputs.constant(node.input(i)).filter(OnnxInputs::isFloat);
      if (bias.isPresent() && bias.get().shape().rank() == 1) {
        inputs.use(bias.get());
        addVector(node, base(bias.get().name()) + ".bias", bias.get());
      }
    }
  }

  private void addVector(Node node, String name, Tensor vector) {
    if (vector.shape().rank() != 1 || vector.isPlain() && !OnnxInputs.isFloat(vector)) {
      throw Refusal.bad(
          file,
          "tensor %s: expected a vector of floating-point numbers, which is what node %s takes, found %s %s",
          vector.name(),
          node.name(),
          vector.encoding().name(),
          vector.shape());
    }
    add(name, vector);
  }

  // --- experts

  private void addExperts(Node node) {
    checkFusion(node);
    for (int input : new int[] {2, 4}) {
      Tensor stack = inputs.need(node, input);
      if (stack.shape().rank() != 3 || !OnnxInputs.isFloat(stack)) {
        throw Refusal.bad(
            file,
            "tensor %s: expected a matrix for each expert, found %s %s",
            stack.name(),
            stack.encoding().name(),
            stack.shape());
      }
      add(base(stack.name()) + ".weight", stack);
    }
  }

  private void addQuantizedExperts(Node node) {
    checkFusion(node);
    long bits = node.number("expert_weight_bits", 4);
    long size = node.number("block_size", 0);
    if (bits != 4 && bits != 8
        || !OnnxInputs.isBlock(size)
        || node.number("weights_prepacked", 0) > 0) {
      throw Refusal.unsupported(
          file,
          "node %s: expected experts of 4 or 8 bits in blocks, row by row, found %d bits, blocks of %d, prepacked %d",
          node.name(),
          bits,
          size,
          node.number("weights_prepacked", 0));
    }
    for (int input : new int[] {2, 5}) {
      Tensor codes = inputs.need(node, input);
      Tensor scales = inputs.need(node, input + 1);
      List<Long> dimensions = codes.shape().dimensions();
      if (dimensions.size() != 3
          || codes.shape().elements() == 0
          || codes.shape().columns() > Integer.MAX_VALUE / 2
          || codes.shape().columns() * Byte.SIZE / bits % size != 0) {
        throw Refusal.bad(
            file,
            "tensor %s: expected a matrix of whole blocks for each expert, found %s",
            codes.name(),
            codes.shape());
      }
      Shape shape =
          Shape.of(
              dimensions.get(0), dimensions.get(1), codes.shape().columns() * Byte.SIZE / bits);
      add(
          base(codes.name()) + ".weight",
          coded.blocks(node, codes, scales, Optional.empty(), shape, (int) bits, (int) size));
    }
  }

  private void checkFusion(Node node) {
    boolean hasMore =
        node.inputs().stream().skip(node.op().equals("MoE") ? 5 : 7).anyMatch(i -> !i.isEmpty());
    int bias = node.op().equals("MoE") ? 3 : 4;
    if (node.number("swiglu_fusion", 0) != 1 || hasMore || !node.input(bias).isEmpty()) {
      throw Refusal.unsupported(
          file,
          "node %s: expected experts whose gate and up projection alternate, without biases, found others",
          node.name());
    }
  }

  private void checkScores(Node node) {
    if (node.real("softcap", 0) != 0) {
      throw Refusal.unsupported(
          file,
          "node %s: expected attention without softcap, found %s",
          node.name(),
          node.real("softcap", 0));
    }
  }

  // --- what nodes take

  private void add(String name, Tensor tensor) {
    if (tensor.shape().elements() == 0) {
      throw Refusal.bad(file, "tensor %s: expected numbers, found none", tensor.name());
    }
    if (tensors.put(name, tensor.withName(name)) != null) {
      throw Refusal.bad(file, "tensor %s: expected it once, found it again", tensor.name());
    }
  }

  /** {@code model.layers.0.mlp.up_proj.MatMul.weight_Q4} is {@code model.layers.0.mlp.up_proj}. */
  private static String base(String name) {
    for (String suffix : SUFFIXES) {
      int at = name.indexOf(suffix);
      if (at >= 0) {
        return name.substring(0, at);
      }
    }
    return name;
  }
}
