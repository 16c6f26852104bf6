package dev.phial.source;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;

/**
 * Finds the parameters of a Phi-3 or Phi-4 in a model of Google's own converter, litert-torch,
 * which does not name them: by the operators that use them, in their order. Slots of tables are
 * those of the schema of TensorFlow Lite.
 */
final class TfliteNames {
  private static final int DEQUANTIZE = 6;
  private static final int EMBEDDING_LOOKUP = 7;
  static final int FULLY_CONNECTED = 9;
  private static final int MUL = 18;
  private static final int COMPOSITE = 206;

  private static final int MOST_OPERATORS = 1 << 18;

  private static final List<String> MATRICES =
      List.of("self_attn.qkv_proj", "self_attn.o_proj", "mlp.gate_up_proj", "mlp.down_proj");
  private static final List<String> NORMS = List.of("input_layernorm", "post_attention_layernorm");

  private final Path file;
  private final FlatTable model;
  private final FlatTable graph;
  private final Config config;
  private final Map<Integer, Integer> dequantized = new HashMap<>(); // what tensors are numbers of
  private final Set<Integer> computed = new HashSet<>();
  private final List<Integer> tables = new ArrayList<>(); // that are looked up
  private final List<Integer> matrices = new ArrayList<>();
  private final List<Integer> norms = new ArrayList<>();

  private TfliteNames(Path file, FlatTable model, FlatTable graph, Config config) {
    this.file = file;
    this.model = model;
    this.graph = graph;
    this.config = config;
  }

  /**
   * The names that a checkpoint has for tensors of a graph, by their index.
   *
   * @param config of the checkpoint
   * @throws dev.phial.PhialException.BadInput if it is damaged
   * @throws dev.phial.PhialException.Unsupported if it is not the decoder that the configuration
   *     describes
   */
  static Map<Integer, String> find(Path file, FlatTable model, FlatTable graph, Config config) {
    return new TfliteNames(file, model, graph, config).find();
  }

  private Map<Integer, String> find() {
    if (config.text("model_type").filter("phi3"::equals).isEmpty()) {
      throw Refusal.unsupported(
          file,
          "expected parameters under the names of a checkpoint, as Phial writes them, or a Phi-3 or Phi-4 of litert-torch, found neither by %s; convert the checkpoint it was made from",
          config.file());
    }
    operators(file, graph).forEach(this::look);
    return names();
  }

  /** The operators of a graph, in the order in which they are run. */
  static List<FlatTable> operators(Path file, FlatTable graph) {
    int count = graph.size(3);
    if (count > MOST_OPERATORS) {
      throw Refusal.bad(file, "expected at most %d operators, found %d", MOST_OPERATORS, count);
    }
    return IntStream.range(0, count).mapToObj(i -> graph.table(3, i)).toList();
  }

  /** Which operator one is. */
  static int code(FlatTable model, FlatTable operator) {
    FlatTable code = model.table(1, operator.int32(0));
    return Math.max(code.int8(0), code.int32(3));
  }

  private void look(FlatTable operator) {
    switch (code(model, operator)) {
      case DEQUANTIZE -> dequantized.put(operator.int32(2, 0), operator.int32(1, 0));
      case EMBEDDING_LOOKUP -> tables.add(parameter(operator));
      case FULLY_CONNECTED -> {
        if (operator.size(1) > 2 && operator.int32(1, 2) >= 0) {
          throw Refusal.unsupported(
              file, "expected matrices without biases, as those of a Phi-3 are, found some");
        }
        matrices.add(parameter(operator));
      }
      case MUL, COMPOSITE -> {
        if (operator.size(1) == 2 && isNorm(parameter(operator))) {
          norms.add(parameter(operator));
        }
      }
      default -> {} // computes with no parameter
    }
    for (int i = 0; i < operator.size(2); i++) {
      computed.add(operator.int32(2, i));
    }
  }

  /** The second input, which is a parameter if anything is. */
  private int parameter(FlatTable operator) {
    int tensor = operator.int32(1, 1);
    return dequantized.getOrDefault(tensor, tensor);
  }

  private boolean isNorm(int tensor) {
    FlatTable table = graph.table(0, tensor);
    return !computed.contains(tensor)
        && table.size(0) == 1
        && table.int32(0, 0) == config.count("hidden_size");
  }

  private Map<Integer, String> names() {
    int layers = config.count("num_hidden_layers");
    if (tables.size() != 1
        || matrices.size() != 4L * layers + 1
        || norms.size() != 2L * layers + 1) {
      throw Refusal.unsupported(
          file,
          "expected an embedding, %d matrices and %d norms, which %s says a Phi-3 of %d layers has, found %d, %d and %d; convert the checkpoint it was made from",
          4L * layers + 1,
          2L * layers + 1,
          config.file(),
          layers,
          tables.size(),
          matrices.size(),
          norms.size());
    }
    Map<Integer, String> names = new LinkedHashMap<>();
    names.put(tables.getFirst(), "model.embed_tokens.weight");
    for (int layer = 0; layer < layers; layer++) {
      name(names, layer, MATRICES, matrices);
      name(names, layer, NORMS, norms);
    }
    names.put(norms.getLast(), "model.norm.weight");
    names.putIfAbsent(matrices.getLast(), "lm_head.weight"); // of one matrix, it is the embedding
    return names;
  }

  private static void name(
      Map<Integer, String> names, int layer, List<String> parts, List<Integer> found) {
    for (int i = 0; i < parts.size(); i++) {
      names.put(
          found.get(layer * parts.size() + i),
          "model.layers.%d.%s.weight".formatted(layer, parts.get(i)));
    }
  }
}
