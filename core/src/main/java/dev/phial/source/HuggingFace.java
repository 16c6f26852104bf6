package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.tensor.Tensor;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * A folder in the layout of the Hugging Face hub: config.json, one or several weight files with an
 * index, tokenizer files.
 */
public final class HuggingFace implements Checkpoint {
  private static final String SAFETENSORS = ".safetensors";
  private static final String TORCH = ".bin";

  private final Path path;
  private final Config config;
  private final Arena arena;
  private final List<Path> files;
  private final Map<String, Tensor> tensors;

  private HuggingFace(
      Path path, Config config, Arena arena, List<Path> files, Map<String, Tensor> tensors) {
    this.path = path;
    this.config = config;
    this.arena = arena;
    this.files = files;
    this.tensors = tensors;
  }

  /**
   * Opens a folder; only headers are read.
   *
   * @throws PhialException.BadInput if a file is missing or damaged
   */
  public static HuggingFace open(Path folder) {
    Config config = Config.read(folder.resolve("config.json"));
    Arena arena = Arena.ofShared();
    try {
      Map<String, Tensor> tensors = new LinkedHashMap<>();
      List<Path> files = weightFiles(folder);
      for (Path file : files) {
        tensors.putAll(
            file.toString().endsWith(SAFETENSORS)
                ? Safetensors.read(file, arena)
                : TorchPickle.read(file, arena));
      }
      checkIndex(folder, tensors.keySet());
      return new HuggingFace(
          folder, config, arena, List.copyOf(files), Collections.unmodifiableMap(tensors));
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  public Config config() {
    return config;
  }

  /** A file of the folder, if it is there. */
  public Optional<Path> file(String name) {
    Path file = path.resolve(name);
    return Files.isRegularFile(file) ? Optional.of(file) : Optional.empty();
  }

  /** A JSON file of the folder, if it is there. */
  public Optional<Config> json(String name) {
    return file(name).map(Config::read);
  }

  @Override
  public Path path() {
    return path;
  }

  /**
   * The name of the folder; for {@code snapshots/HASH} in a hub cache that is the hash, which is
   * what converters use.
   */
  @Override
  public String name() {
    try {
      return path.toRealPath().getFileName().toString();
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    }
  }

  @Override
  public Map<String, Tensor> tensors() {
    return tensors;
  }

  @Override
  public List<Path> files() {
    return files;
  }

  @Override
  public void close() {
    arena.close();
  }

  /**
   * The shards in the order in which their tensors count: those the index names, else those that
   * look like weights.
   */
  private static List<Path> weightFiles(Path folder) {
    List<String> safetensors = list(folder, "model", SAFETENSORS);
    boolean isSafetensors = !safetensors.isEmpty() || Files.isRegularFile(index(folder, true));
    List<String> names = isSafetensors ? safetensors : list(folder, "pytorch_model", TORCH);
    Path index = index(folder, isSafetensors);
    if (Files.isRegularFile(index)) {
      names = new ArrayList<>(new TreeSet<>(weightMap(index).values()));
    }
    if (names.isEmpty()) {
      throw new PhialException.BadInput(
          folder
              + ": expected model*.safetensors or pytorch_model*.bin, found neither; was the download completed?");
    }
    for (String name : names) {
      if (!Files.isRegularFile(folder.resolve(name))) {
        throw new PhialException.BadInput(
            "%s: expected the shard %s that %s names, found no such file; download it"
                .formatted(folder, name, index.getFileName()));
      }
    }
    return names.stream().map(folder::resolve).toList();
  }

  private static Path index(Path folder, boolean safetensors) {
    return folder.resolve(
        (safetensors ? "model.safetensors" : "pytorch_model.bin") + ".index.json");
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

  /** Tensor name to shard, from an index that may have been written by anyone. */
  private static Map<String, String> weightMap(Path index) {
    JsonNode json = Json.readStrictly(index).path("weight_map");
    if (!json.isObject()) {
      throw new PhialException.BadInput(index + ": expected an object weight_map, found none");
    }
    Map<String, String> map = new LinkedHashMap<>();
    for (Map.Entry<String, JsonNode> entry : json.properties()) {
      String shard = entry.getValue().stringValue("");
      if (shard.isEmpty() || shard.startsWith(".") || shard.contains("/") || shard.contains("\\")) {
        throw new PhialException.BadInput(
            "%s: tensor %s: expected the name of a file beside the index, found %s; do not trust this checkpoint"
                .formatted(index, entry.getKey(), entry.getValue()));
      }
      map.put(entry.getKey(), shard);
    }
    return map;
  }

  private static void checkIndex(Path folder, Set<String> found) {
    for (boolean safetensors : new boolean[] {true, false}) {
      Path index = index(folder, safetensors);
      if (Files.isRegularFile(index)) {
        Set<String> expected = new TreeSet<>(weightMap(index).keySet());
        Set<String> missing = new TreeSet<>(expected);
        missing.removeAll(found);
        Set<String> extra = new TreeSet<>(found);
        extra.removeAll(expected);
        if (!missing.isEmpty() || !extra.isEmpty()) {
          throw new PhialException.BadInput(
              "%s: expected the tensors of the shards, found %d missing from them and %d not named, such as %s; shards of different downloads?"
                  .formatted(
                      index,
                      missing.size(),
                      extra.size(),
                      missing.isEmpty() ? extra.iterator().next() : missing.iterator().next()));
        }
        return;
      }
    }
  }
}
