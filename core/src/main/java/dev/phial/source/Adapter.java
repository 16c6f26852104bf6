package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.tensor.LowRank;
import dev.phial.tensor.Tensor;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A low-rank adapter (LoRA): no model, but a change to one. peft saves them in folders of their
 * own; a checkpoint of Phi-4-multimodal holds two.
 *
 * @param name of the folder, or in the checkpoint
 * @param scale that the user multiplies its changes by
 * @param files that it was read from, if not those of the checkpoint
 * @param changes to modules
 * @param whole parameters that take the place of the model's
 */
record Adapter(
    String name,
    double scale,
    List<Path> files,
    Path file,
    List<Change> changes,
    Map<String, Tensor> whole) {
  static final String CONFIG = "adapter_config.json";
  static final String SAFETENSORS = "adapter_model.safetensors";
  static final String TORCH = "adapter_model.bin";
  private static final List<String> FILES = List.of(CONFIG, SAFETENSORS, TORCH);

  /** More would take much memory, and no adapter has a hundredth of it. */
  private static final int HIGHEST_RANK = 4096;

  /** What the adapter does to one module, all of which {@link LowRank} does to its matrix. */
  record Change(LoraNames.Pair pair, float factor) {
    LowRank at(long row) {
      return new LowRank(row, pair.up(), pair.down(), factor, pair.magnitudes());
    }
  }

  static boolean isIn(Path folder) {
    return FILES.stream().anyMatch(name -> Files.isRegularFile(folder.resolve(name)));
  }

  /** What to say where one lies beside the weights of a model. */
  static Optional<String> note(Path folder) {
    return isIn(folder)
        ? Optional.of(
            "%s: an adapter lies beside the weights, and is not part of what is read; --lora %s adds it"
                .formatted(folder, folder))
        : Optional.empty();
  }

  /** What to say where one lies instead of a model. */
  static PhialException instead(Path folder) {
    Path config = folder.resolve(CONFIG);
    String base =
        Files.isRegularFile(config)
            ? Config.read(config)
                .text("base_model_name_or_path")
                .map(name -> " for " + name)
                .orElse("")
            : "";
    return Refusal.unsupported(
        folder,
        "expected a model, found an adapter (LoRA)%s alone; name its model, and this folder with --lora",
        base);
  }

  /**
   * The adapter in a folder as peft saves it.
   *
   * @param scale multiplies its changes
   * @throws PhialException.Unsupported if it is of a kind that is not read
   * @throws PhialException.BadInput if it is damaged
   */
  static Adapter read(Path folder, double scale, Arena arena) {
    if (!Files.isRegularFile(folder.resolve(CONFIG))) {
      throw Refusal.bad(
          folder, "expected the folder of an adapter, which has an %s, found none", CONFIG);
    }
    PeftConfig config = PeftConfig.read(folder.resolve(CONFIG));
    Path safetensors = folder.resolve(SAFETENSORS);
    boolean isSafe = Files.isRegularFile(safetensors);
    Path file = isSafe ? safetensors : folder.resolve(TORCH);
    if (!Files.isRegularFile(file)) {
      throw Refusal.bad(
          folder,
          "expected the weights %s or %s, found neither; was the download completed?",
          SAFETENSORS,
          TORCH);
    }
    LoraNames names =
        LoraNames.of(file, isSafe ? Safetensors.read(file, arena) : TorchPickle.read(file, arena));
    List<Change> changes = new ArrayList<>();
    for (LoraNames.Pair pair : names.pairs()) {
      config.check(file, pair);
      changes.add(change(file, pair, config.rank(pair.module()), config.factor(pair), scale));
    }
    return new Adapter(
        Folder.nameOf(folder),
        scale,
        List.of(config.file(), file),
        file,
        notEmpty(file, changes, names.whole()),
        names.whole());
  }

  /**
   * The adapter of a name that a checkpoint of Phi-4-multimodal holds, if it does.
   *
   * @param config config.json, which has its rank and its factor
   */
  static Optional<Adapter> in(Map<String, Tensor> tensors, Config config, String name) {
    Map<String, Tensor> own = new LinkedHashMap<>();
    tensors.forEach((key, tensor) -> {
      if (LoraNames.isOf(name, key)) {
        own.put(key, tensor);
      }
    });
    if (own.isEmpty()) {
      return Optional.empty();
    }
    String field = name + "_lora";
    Config settings =
        config
            .object(field)
            .orElseThrow(() ->
                Refusal.bad(
                    config.file(), "expected an object %s, which scales an adapter", field));
    int rank = settings.count("r");
    double factor = settings.number("lora_alpha", rank) / rank;
    Path file = own.values().iterator().next().file();
    List<Change> changes =
        LoraNames.of(file, own).pairs().stream()
            .map(pair -> change(file, pair, rank, factor, 1))
            .toList();
    return Optional.of(new Adapter(name, 1, List.of(), file, changes, Map.of()));
  }

  private static Change change(
      Path file, LoraNames.Pair pair, int rank, double factor, double scale) {
    long down = pair.down().shape().rows();
    long up = pair.up().shape().columns();
    if (rank > HIGHEST_RANK || down != rank || up != rank) {
      throw Refusal.bad(
          file,
          "module %s: expected matrices of rank %d, which is what its configuration says, and of at most %d, found %s and %s",
          pair.module(),
          rank,
          HIGHEST_RANK,
          pair.up().shape(),
          pair.down().shape());
    }
    return new Change(pair, (float) (factor * scale));
  }

  private static List<Change> notEmpty(Path file, List<Change> changes, Map<String, Tensor> whole) {
    if (changes.isEmpty() && whole.isEmpty()) {
      throw Refusal.bad(file, "expected the matrices of an adapter, found none");
    }
    return changes;
  }

  AppliedAdapter applied() {
    return new AppliedAdapter(name, scale, files);
  }

  /** What to say once it is added. */
  String note() {
    List<Long> ranks =
        changes.stream()
            .map(change -> change.pair.down().shape().rows())
            .distinct()
            .sorted()
            .toList();
    List<Float> factors = changes.stream().map(Change::factor).distinct().sorted().toList();
    return "%s: its adapter is added to %d matrices, of rank %s, times %s%s"
        .formatted(
            name,
            changes.size(),
            range(ranks),
            range(factors),
            whole.isEmpty() ? "" : "; it replaces " + String.join(", ", whole.keySet()));
  }

  private static String range(List<?> sorted) {
    return sorted.isEmpty()
        ? "0"
        : sorted.size() == 1
            ? String.valueOf(sorted.getFirst())
            : sorted.getFirst() + " to " + sorted.getLast();
  }
}
