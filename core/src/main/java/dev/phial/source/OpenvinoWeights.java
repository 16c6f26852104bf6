package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.quant.FloatCodes;
import dev.phial.quant.IntCodes;
import dev.phial.source.OpenvinoGraph.Layer;
import dev.phial.tensor.ColumnScales;
import dev.phial.tensor.DType;
import dev.phial.tensor.Encoding;
import dev.phial.tensor.GroupScales;
import dev.phial.tensor.GroupZeros;
import dev.phial.tensor.Scales;
import dev.phial.tensor.Shape;
import dev.phial.tensor.Tensor;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.SequencedMap;
import java.util.Set;

/**
 * The parameters in the graph of a decoder, found by the operations that use them: codes, scales
 * and zero points become one tensor that reads as numbers. Names are those of the checkpoint, which
 * optimum-intel's export keeps in the names of operations, {@code
 * __module.model.layers.0.mlp.down_proj/aten::linear/MatMul}.
 */
final class OpenvinoWeights {
  private static final String MODULE = "__module.";
  private static final String ROTARY = "rotary_emb/";

  /** What NNCF's AWQ calls the factors that it takes out of the columns of a matrix. */
  private static final String AWQ = "/awq_mul";

  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String OUTPUT = "lm_head.weight";

  /** Longer constants must have a meaning; shorter ones steer the graph. */
  private static final long LONGEST_CONSTANT = 16;

  private static final int MOST_CONVERSIONS = 4; // between a constant and its use
  private static final int MOST_FACTORS = 2; // multiplied with one another before a matrix

  private static final List<DType> FLOATS = List.of(DType.F32, DType.F16, DType.BF16);
  private static final List<DType> SMALL_FLOATS = List.of(DType.F8_E4M3, DType.F8_E5M2);

  private static final int WIDEST = 1 << 20; // layers of a model are narrower

  private final Path file;
  private final OpenvinoGraph graph;
  private final Map<String, Tensor> tensors; // of this graph and those before it
  private final Set<String> used = new HashSet<>();

  /** The norms by their modules, and the parts that each has. */
  private final Map<String, List<String>> norms = new LinkedHashMap<>();

  private OpenvinoWeights(Path file, OpenvinoGraph graph, Map<String, Tensor> tensors) {
    this.file = file;
    this.graph = graph;
    this.tensors = tensors;
  }

  /**
   * What graphs hold.
   *
   * @param tied whether input and output share a matrix, which is then the embedding
   */
  record Contents(Map<String, Tensor> tensors, boolean tied) {}

  /**
   * @param graphs by their files, that with the embedding first
   * @throws PhialException.BadInput if tensors do not fit their operations
   * @throws PhialException.Unsupported if a graph holds what no decoder has
   */
  static Contents read(SequencedMap<Path, OpenvinoGraph> graphs) {
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    graphs.forEach((file, graph) -> new OpenvinoWeights(file, graph, tensors).read());
    Tensor output = tensors.get(OUTPUT);
    Tensor embedding = tensors.get(EMBEDDING);
    boolean tied = output != null && embedding != null && output.data().equals(embedding.data());
    if (tied) {
      tensors.remove(OUTPUT);
    }
    return new Contents(tensors, tied);
  }

  private void read() {
    for (Layer layer : graph.layers().values()) {
      switch (layer.type()) {
        case "MatMul" -> addMatrix(layer);
        case "Gather" ->
            graph
                .source(layer, 0)
                .flatMap(this::matrix)
                .ifPresent(table -> add(module(layer) + ".weight", table));
        case "Multiply" -> addVector(layer, ".weight");
        case "Add" -> addVector(layer, ".bias");
        case "MVN" -> norms.putIfAbsent(module(layer), List.of(".weight", ".bias"));
        case "ReduceMean" -> norms.putIfAbsent(module(layer), List.of(".weight"));
        case "FakeQuantize" ->
            throw Refusal.unsupported(
                file,
                "layer %s: expected a model whose weights alone are quantized, found one that quantizes activations too",
                layer.name());
        default -> {}
      }
    }
    checkNothingIsLeft();
    completeNorms();
  }

  /** Adds what the export left away because it changes nothing: weights of 1, biases of 0. */
  private void completeNorms() {
    Tensor embedding = tensors.get(EMBEDDING);
    if (embedding == null || embedding.shape().columns() > WIDEST) {
      return; // refused where all parameters are looked for
    }
    float[] values = new float[(int) embedding.shape().columns()];
    Tensor zeros = vector(values.clone());
    Arrays.fill(values, 1);
    Tensor ones = vector(values);
    norms.forEach((module, parts) -> {
      for (String part : parts) {
        if (!tensors.containsKey(module + part)) {
          add(module + part, part.equals(".weight") ? ones : zeros);
        }
      }
    });
  }

  private Tensor vector(float[] values) {
    return new Tensor(file, "", DType.F32, Shape.of(values.length), MemorySegment.ofArray(values));
  }

  private void checkNothingIsLeft() {
    graph
        .sources()
        .forEach((input, source) -> {
          Layer to = graph.layers().get(input.layer());
          Layer from = graph.layers().get(source);
          if (from != null && to != null && to.name().contains(ROTARY)) {
            used.add(from.name()); // follows from config.json
          }
        });
    for (Layer layer : graph.layers().values()) {
      Tensor constant = layer.constant();
      if (constant != null
          && !used.contains(constant.name())
          && constant.shape().elements() > LONGEST_CONSTANT
          && (isFloat(constant) || isCodes(constant))) {
        throw Refusal.unsupported(
            file,
            "tensor %s: expected the parameters of a decoder as optimum-intel exports it, found one that has no place in it",
            constant.name());
      }
    }
  }

  // --- matrices

  private void addMatrix(Layer layer) {
    Optional<Tensor> found = graph.source(layer, 1).flatMap(this::matrix);
    if (found.isEmpty() || layer.name().contains(ROTARY)) { // frequencies, for each position
      return;
    }
    if (!layer.transposes()) {
      throw Refusal.unsupported(
          file, "layer %s: expected a matrix with a row for each output", layer.name());
    }
    Tensor matrix = found.get();
    Optional<Tensor> factors =
        graph.source(layer, 0).flatMap(source -> factors(source, MOST_FACTORS));
    if (factors.isPresent()) {
      Tensor vector = factors.get();
      if (vector.shape().elements() != matrix.shape().columns()) {
        throw Refusal.bad(
            file,
            "tensor %s: expected a factor for each of %d columns, found %s",
            vector.name(),
            matrix.shape().columns(),
            vector.shape());
      }
      matrix = matrix.withScales(new ColumnScales(Optional.ofNullable(matrix.scales()), vector));
    }
    add(module(layer) + ".weight", matrix);
  }

  /** A constant matrix, or what makes one out of codes; empty if a value is computed. */
  private Optional<Tensor> matrix(Layer layer) {
    Optional<Layer> at = Optional.of(layer);
    for (int i = 0; i < MOST_CONVERSIONS; i++) {
      at =
          at.flatMap(found ->
              found.type().equals("Convert") || found.type().equals("Reshape")
                  ? graph.source(found, 0)
                  : Optional.of(found));
    }
    return at.flatMap(found ->
        found.type().equals("Multiply")
            ? dequantized(found)
            : constant(found)
                .filter(tensor -> isFloat(tensor) && tensor.shape().rank() == 2)
                .map(this::use));
  }

  /** The codes and scales that a product is of, if they are constants. */
  private Optional<Tensor> dequantized(Layer product) {
    Optional<Layer> left = graph.source(product, 0);
    Optional<Layer> subtraction = left.filter(layer -> layer.type().equals("Subtract"));
    Optional<Tensor> codes =
        subtraction
            .flatMap(layer -> graph.source(layer, 0))
            .or(() -> left)
            .flatMap(this::converted)
            .filter(OpenvinoWeights::isCodes);
    Optional<Tensor> scales = graph.source(product, 1).flatMap(this::converted);
    if (codes.isEmpty() || scales.isEmpty()) {
      return Optional.empty();
    }
    Optional<Tensor> zeros =
        subtraction.map(layer ->
            graph
                .source(layer, 1)
                .flatMap(this::converted)
                .orElseThrow(() ->
                    Refusal.unsupported(
                        file,
                        "layer %s: expected a constant as zero point, found another layer",
                        layer.name())));
    return Optional.of(dequantized(use(codes.get()), use(scales.get()), zeros.map(this::use)));
  }

  /**
   * @param codes {@code [rows, columns]} with a scale for each row, or {@code [rows, groups, size]}
   *     with one for each group
   */
  private Tensor dequantized(Tensor codes, Tensor scales, Optional<Tensor> zeros) {
    List<Long> dimensions = codes.shape().dimensions();
    boolean hasGroups = dimensions.size() == 3;
    if (codes.shape().elements() == 0 || dimensions.size() != 2 && !hasGroups) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected rows of codes, or rows of groups of them, found %s",
          codes.name(),
          codes.shape());
    }
    long rows = dimensions.getFirst();
    long columns = codes.shape().elements() / rows;
    if (columns > Integer.MAX_VALUE || columns % codes.encoding().blockSize() != 0) {
      throw Refusal.unsupported(
          file,
          "tensor %s: expected an even number of codes in a row, found %d",
          codes.name(),
          columns);
    }
    int size = (int) codes.shape().columns();
    Tensor perGroup = perGroup(codes, scales, rows);
    if (!isFloat(scales) && scales.encoding() != DType.F8_E8M0) {
      throw Refusal.bad(
          file,
          "tensor %s: expected floating-point numbers as scales, found %s",
          scales.name(),
          scales.encoding().name());
    }
    Scales both =
        zeros
            .<Scales>map(zero -> {
              if (!zero.encoding().equals(codes.encoding())) {
                throw Refusal.bad(
                    file,
                    "tensor %s: expected zero points in %s like the codes, found %s",
                    zero.name(),
                    codes.encoding().name(),
                    zero.encoding().name());
              }
              return new GroupZeros(size, perGroup, perGroup(codes, zero, rows), 0);
            })
            .orElse(new GroupScales(size, perGroup, null, 0));
    return new Tensor(
        codes.file(),
        codes.name(),
        encoding(codes.encoding(), hasGroups ? "G" + size : ""),
        Shape.of(rows, columns),
        codes.data(),
        both);
  }

  /** Scales or zero points, which have one column where codes have those of a group. */
  private Tensor perGroup(Tensor codes, Tensor values, long rows) {
    List<Long> expected = new ArrayList<>(codes.shape().dimensions());
    expected.set(expected.size() - 1, 1L);
    if (!values.shape().dimensions().equals(expected)) {
      throw Refusal.bad(
          file,
          "tensor %s: expected %s, as many as codes %s have, found %s",
          values.name(),
          expected,
          codes.shape(),
          values.shape());
    }
    return reshape(values, Shape.of(rows, values.shape().elements() / rows));
  }

  private static Encoding encoding(Encoding codes, String groups) {
    return switch (codes) {
      case FloatCodes floats -> new FloatCodes(floats.name() + groups, floats.values());
      case IntCodes integers ->
          new IntCodes(integers.name() + groups, integers.bits(), integers.signed(), 0);
      case DType type when type == DType.I8 -> new IntCodes("INT8" + groups, Byte.SIZE, true, 0);
      case DType type when type == DType.U8 -> new IntCodes("UINT8" + groups, Byte.SIZE, false, 0);
      default -> codes;
    };
  }

  /**
   * What AWQ multiplies the input of a matrix by, or one of the factors that the input is made of.
   */
  private Optional<Tensor> factors(Layer layer, int depth) {
    if (!layer.type().equals("Multiply") || depth == 0) {
      return Optional.empty();
    }
    for (int port = 0; port < 2; port++) {
      Optional<Layer> source = graph.source(layer, port);
      Optional<Tensor> found =
          layer.name().endsWith(AWQ)
              ? source.flatMap(this::vector).map(this::use)
              : source.flatMap(inner -> factors(inner, depth - 1));
      if (found.isPresent()) {
        return found;
      }
    }
    return Optional.empty();
  }

  // --- vectors

  private void addVector(Layer layer, String suffix) {
    if (!layer.name().startsWith(MODULE)
        || layer.name().contains(ROTARY)
        || layer.name().endsWith(AWQ)) {
      return;
    }
    for (int port = 0; port < 2; port++) {
      graph
          .source(layer, port)
          .flatMap(this::vector)
          .ifPresent(vector -> add(module(layer) + suffix, use(vector)));
    }
  }

  /** A constant of one dimension, or of others of 1 besides. */
  private Optional<Tensor> vector(Layer layer) {
    return converted(layer)
        .filter(tensor -> isFloat(tensor) && tensor.shape().columns() > 1)
        .filter(tensor -> tensor.shape().elements() == tensor.shape().columns())
        .map(tensor -> reshape(tensor, Shape.of(tensor.shape().columns())));
  }

  // --- constants

  private Optional<Tensor> converted(Layer layer) {
    return layer.type().equals("Convert")
        ? graph.source(layer, 0).flatMap(OpenvinoWeights::constant)
        : constant(layer);
  }

  private static Optional<Tensor> constant(Layer layer) {
    return Optional.ofNullable(layer.constant());
  }

  private Tensor use(Tensor tensor) {
    used.add(tensor.name());
    return tensor;
  }

  private void add(String name, Tensor tensor) {
    if (tensor.shape().elements() == 0) {
      throw Refusal.bad(file, "tensor %s: expected numbers, found none", tensor.name());
    }
    if (tensors.put(name, tensor.withName(name)) != null) {
      throw Refusal.bad(file, "tensor %s: expected it once, found it again", name);
    }
  }

  /** {@code __module.lm_head/ov_ext::linear/MatMul} belongs to {@code lm_head}. */
  private String module(Layer layer) {
    int end = layer.name().indexOf('/');
    if (!layer.name().startsWith(MODULE) || end < 0) {
      throw Refusal.unsupported(
          file,
          "layer %s: expected a name that tells what module of the checkpoint it comes from, as optimum-intel's export gives it",
          layer.name());
    }
    return layer.name().substring(MODULE.length(), end);
  }

  private static boolean isFloat(Tensor tensor) {
    return FLOATS.contains(tensor.encoding());
  }

  private static boolean isCodes(Tensor tensor) {
    Encoding encoding = tensor.encoding();
    return encoding instanceof IntCodes
        || encoding instanceof FloatCodes
        || encoding == DType.I8
        || encoding == DType.U8
        || SMALL_FLOATS.contains(encoding);
  }

  private static Tensor reshape(Tensor tensor, Shape shape) {
    return new Tensor(tensor.file(), tensor.name(), tensor.encoding(), shape, tensor.data());
  }
}
