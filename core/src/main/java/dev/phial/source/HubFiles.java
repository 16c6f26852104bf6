package dev.phial.source;

import dev.phial.io.Json;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * The weight files of a folder in the layout of the Hugging Face hub: one or several, with an
 * index.
 *
 * @param files in the order in which their tensors count
 * @param tensors as they lie there
 * @param notes what was left unread
 */
record HubFiles(List<Path> files, Map<String, Tensor> tensors, List<String> notes) {
  static final String SAFETENSORS = ".safetensors";
  private static final String SAFETENSORS_ALONE = "model.safetensors";
  private static final String SAFETENSORS_INDEX = "model.safetensors.index.json";
  static final String TORCH = ".bin";
  private static final String TORCH_INDEX = "pytorch_model.bin.index.json";

  /** Whether there are any. */
  static boolean areIn(Path folder) {
    return areSafetensors(folder) || !list(folder, "pytorch_model", TORCH).isEmpty();
  }

  /**
   * @throws dev.phial.PhialException.BadInput if one is missing or damaged
   */
  static HubFiles read(Path folder, Arena arena, Optional<Arrivals> arrivals) {
    boolean areSafetensors = areSafetensors(folder);
    Optional<ShardIndex> found = index(folder, areSafetensors);
    Optional<ShardIndex> index =
        found.filter(i -> !isComplete(folder, i)); // as transformers chooses
    List<Path> files =
        index.isEmpty() && found.isPresent()
            ? List.of(folder.resolve(SAFETENSORS_ALONE))
            : files(folder, areSafetensors, index);
    Map<String, Tensor> tensors = new LinkedHashMap<>();
    for (Path file : files) {
      Map<String, Tensor> shard =
          !areSafetensors
              ? TorchPickle.read(file, arena)
              : arrivals.isPresent()
                  ? Safetensors.read(file, arena, arrivals.get())
                  : Safetensors.read(file, arena);
      shard.values().forEach(tensor -> add(tensors, tensor));
    }
    index.ifPresent(i -> i.check(tensors.keySet()));
    return new HubFiles(
        files,
        tensors,
        found.isPresent() && index.isEmpty() ? List.of(unread(folder, found.get())) : List.of());
  }

  /** Whether one file lies beside an index of others: an older save, or a newer one. */
  private static boolean isComplete(Path folder, ShardIndex index) {
    return index.file().endsWith(SAFETENSORS_INDEX)
        && Files.isRegularFile(folder.resolve(SAFETENSORS_ALONE))
        && !index.shards().isEmpty()
        && !index.fileNames().contains(SAFETENSORS_ALONE);
  }

  private static String unread(Path folder, ShardIndex index) {
    boolean areThere =
        index.fileNames().stream().allMatch(name -> Files.isRegularFile(folder.resolve(name)));
    return areThere
        ? "%s: %s is read, as transformers does; the shards that %s names are not, though llama.cpp reads those"
            .formatted(folder, SAFETENSORS_ALONE, SAFETENSORS_INDEX)
        : "%s: %s is read; %s names shards that are not there"
            .formatted(folder, SAFETENSORS_ALONE, SAFETENSORS_INDEX);
  }

  /** Under the usual name, or that of the first tools for GPTQ. */
  private static List<String> safetensors(Path folder) {
    List<String> usual = list(folder, "model", SAFETENSORS);
    return usual.isEmpty() ? list(folder, "gptq_model", SAFETENSORS) : usual;
  }

  /** Safetensors are preferred where both are there, as everywhere else. */
  private static boolean areSafetensors(Path folder) {
    return !safetensors(folder).isEmpty() || Files.isRegularFile(folder.resolve(SAFETENSORS_INDEX));
  }

  private static Optional<ShardIndex> index(Path folder, boolean areSafetensors) {
    return areSafetensors
        ? ShardIndex.read(folder.resolve(SAFETENSORS_INDEX), SAFETENSORS)
        : ShardIndex.read(folder.resolve(TORCH_INDEX), TORCH);
  }

  /** The shards the index names, else those that look like weights. */
  private static List<Path> files(Path folder, boolean areSafetensors, Optional<ShardIndex> index) {
    List<String> names =
        index
            .map(ShardIndex::fileNames)
            .orElseGet(
                () -> areSafetensors ? safetensors(folder) : list(folder, "pytorch_model", TORCH));
    if (names.isEmpty() && Adapter.isIn(folder)) {
      throw Adapter.instead(folder);
    }
    if (names.isEmpty()) {
      throw Refusal.bad(
          folder,
          "expected model*.safetensors or pytorch_model*.bin, found neither; was the download completed?");
    }
    for (String name : names) {
      if (!Files.isRegularFile(folder.resolve(name))) {
        throw Refusal.bad(
            folder, "expected the weights %s, found no such file; download it again", name);
      }
    }
    return names.stream().map(folder::resolve).toList();
  }

  private static void add(Map<String, Tensor> tensors, Tensor tensor) {
    Tensor other = tensors.putIfAbsent(tensor.name(), tensor);
    if (other != null) {
      throw Refusal.bad(
          tensor.file(),
          "tensor %s: expected it in one file, found it in %s too; remove the file that is left over",
          tensor.name(),
          other.file());
    }
  }

  private static List<String> list(Path folder, String prefix, String suffix) {
    try (Stream<Path> files = Files.list(folder)) {
      return files
          .map(file -> file.getFileName().toString())
          .filter(name -> name.startsWith(prefix) && name.endsWith(suffix))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw Json.unreadable(folder, e);
    }
  }
}
