package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.LowRank;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Adds an adapter to the weights of a model: each of its changes to the tensor that it is meant
 * for, in whole or to some of its rows, so that whoever reads the tensor reads the sum.
 */
final class AdaptedWeights {
  private static final String WEIGHT = ".weight";
  private static final String BASE = ".base_layer.weight"; // beside the adapters of a checkpoint
  private static final String EMBEDDING = "model.embed_tokens.weight";
  private static final String OUTPUT = "lm_head.weight";

  private final Folder folder;
  private final Map<String, Tensor> tensors;
  private final Adapter adapter;

  private AdaptedWeights(Folder folder, Map<String, Tensor> tensors, Adapter adapter) {
    this.folder = folder;
    this.tensors = new LinkedHashMap<>(tensors);
    this.adapter = adapter;
  }

  /**
   * The tensors with the adapter.
   *
   * @param tensors by their names in transformers
   * @throws PhialException.BadInput if a change fits no tensor
   */
  static Map<String, Tensor> of(Folder folder, Map<String, Tensor> tensors, Adapter adapter) {
    return new AdaptedWeights(folder, tensors, adapter).tensors();
  }

  /** Whether input and output, one matrix in the model, are two with this adapter. */
  static boolean unties(Folder folder, Adapter adapter) {
    return folder.config().flag("tie_word_embeddings", false)
        && (adapter.whole().keySet().stream().anyMatch(AdaptedWeights::isEnd)
            || adapter.changes().stream()
                .anyMatch(change -> isEnd(change.pair().module() + WEIGHT)));
  }

  private static boolean isEnd(String name) {
    return name.equals(EMBEDDING) || name.equals(OUTPUT);
  }

  private Map<String, Tensor> tensors() {
    if (unties(folder, adapter) && tensors.containsKey(EMBEDDING)) {
      tensors.putIfAbsent(OUTPUT, Objects.requireNonNull(tensors.get(EMBEDDING)).withName(OUTPUT));
    }
    adapter.whole().forEach(this::replace);
    Map<String, List<LowRank>> changes = new LinkedHashMap<>();
    for (Adapter.Change change : adapter.changes()) {
      Target target = target(change.pair().module());
      check(change.pair(), target);
      changes
          .computeIfAbsent(target.tensor, name -> new ArrayList<>())
          .add(change.at(target.first));
    }
    changes.forEach(
        (name, list) -> tensors.computeIfPresent(name, (same, tensor) -> tensor.adapted(list)));
    return tensors;
  }

  /**
   * Rows of a tensor that a module is.
   *
   * @param tensor by its name
   */
  private record Target(String tensor, long first, long rows) {}

  private Target target(String module) {
    for (String name : List.of(module + WEIGHT, module + BASE)) {
      Tensor whole = tensors.get(name);
      if (whole != null && whole.shape().rank() == 2) {
        return new Target(name, 0, whole.shape().rows());
      }
    }
    int dot = module.lastIndexOf('.') + 1;
    String stem = module.substring(0, dot);
    return switch (module.substring(dot)) {
      case "q_proj" -> attention(module, stem, 0);
      case "k_proj" -> attention(module, stem, 1);
      case "v_proj" -> attention(module, stem, 2);
      case "gate_proj" -> half(module, stem, 0);
      case "up_proj" -> half(module, stem, 1);
      default -> throw unknown(module);
    };
  }

  /** Queries, keys or values of a projection that has all of them, one below the other. */
  private Target attention(String module, String stem, int part) {
    String name = stem + "qkv_proj" + WEIGHT;
    long rows = rows(module, name);
    int heads = folder.config().count("num_attention_heads");
    int shared = folder.config().count("num_key_value_heads", heads);
    long size = rows / (heads + 2L * shared);
    if (size * (heads + 2L * shared) != rows) {
      throw unknown(module);
    }
    long queries = heads * size;
    long keys = shared * size;
    return new Target(
        name, part == 0 ? 0 : queries + (part - 1) * keys, part == 0 ? queries : keys);
  }

  private Target half(String module, String stem, int part) {
    String name = stem + "gate_up_proj" + WEIGHT;
    long rows = rows(module, name) / 2;
    return new Target(name, part * rows, rows);
  }

  private long rows(String module, String name) {
    Tensor tensor = tensors.get(name);
    if (tensor == null || tensor.shape().rank() != 2) {
      throw unknown(module);
    }
    return tensor.shape().rows();
  }

  private PhialException unknown(String module) {
    return Refusal.bad(
        adapter.file(),
        "module %s: expected a matrix of the model in %s, found none of that name; is it an adapter of another model?",
        module,
        folder.path());
  }

  private void check(LoraNames.Pair pair, Target target) {
    long columns = Objects.requireNonNull(tensors.get(target.tensor)).shape().columns();
    long lengths = pair.magnitudes().map(m -> m.shape().elements()).orElse(target.rows);
    if (pair.up().shape().rows() != target.rows
        || pair.down().shape().columns() != columns
        || lengths != target.rows) {
      throw Refusal.bad(
          adapter.file(),
          "module %s: expected a change to %d × %d numbers of %s, found one to %d × %d; is it an adapter of another model?",
          pair.module(),
          target.rows,
          columns,
          target.tensor,
          pair.up().shape().rows(),
          pair.down().shape().columns());
    }
  }

  private void replace(String name, Tensor whole) {
    Tensor tensor = tensors.get(name);
    if (tensor == null) {
      throw Refusal.bad(
          adapter.file(),
          "tensor %s: expected a parameter of the model in %s, found none of that name; is it an adapter of another model?",
          name,
          folder.path());
    }
    if (!whole.shape().equals(tensor.shape())) {
      throw Refusal.bad(
          adapter.file(),
          "tensor %s: expected shape %s, as the model has it, found %s; was the vocabulary extended?",
          name,
          tensor.shape(),
          whole.shape());
    }
    tensors.put(name, whole.withName(name));
  }
}
