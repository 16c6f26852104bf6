package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.plan.PlannedTensor;
import dev.phial.source.GgufValue;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Distributes tensors over several files as llama-gguf-split does. */
final class Splitter {
  private Splitter() {}

  /** One file, or those that the options ask for. */
  static List<GgufLayout> split(
      Map<String, GgufValue> metadata, List<PlannedTensor> tensors, GgufOptions options) {
    Optional<Long> bytes = options.splitBytes();
    Optional<Integer> count = options.splitTensors();
    if (bytes.isEmpty() && count.isEmpty()) {
      if (options.has("no-tensor-first-split")) {
        throw new PhialException.Usage(
            "--no-tensor-first-split is for several files; pass --split-max-size or --split-max-tensors too");
      }
      return List.of(new GgufLayout(metadata, tensors));
    }
    if (bytes.isPresent() && count.isPresent()) {
      throw new PhialException.Usage(
          "--split-max-size and --split-max-tensors cannot be used together");
    }
    List<List<PlannedTensor>> groups = new ArrayList<>(List.of(new ArrayList<>()));
    boolean emptyFirst = options.has("no-tensor-first-split");
    if (emptyFirst) {
      groups.add(new ArrayList<>());
    }
    long size = 0;
    for (int i = 0; i < tensors.size(); i++) {
      long padded = GgufLayout.padded(tensors.get(i));
      boolean full =
          bytes.isPresent() ? size + padded > bytes.get() : i > 0 && i % count.orElseThrow() == 0;
      if (full) {
        if (groups.getLast().isEmpty()) {
          throw new PhialException.Usage(
              "--split-max-size: tensor %s alone takes %d bytes; allow more"
                  .formatted(tensors.get(i).name(), padded));
        }
        groups.add(new ArrayList<>());
        size = 0;
      }
      groups.getLast().add(tensors.get(i));
      size += padded;
    }
    List<GgufLayout> layouts = new ArrayList<>();
    for (int i = 0; i < groups.size(); i++) {
      Map<String, GgufValue> values = new LinkedHashMap<>(i == 0 ? metadata : Map.of());
      values.put("split.no", GgufValue.uint16(i));
      values.put("split.tensors.count", GgufValue.int32(tensors.size()));
      values.put("split.count", GgufValue.uint16(groups.size()));
      layouts.add(new GgufLayout(values, groups.get(i)));
    }
    return layouts;
  }

  /** The files of the source again, as llama-quantize keeps them. */
  static List<GgufLayout> keep(
      Map<String, GgufValue> metadata, List<PlannedTensor> tensors, List<Path> files) {
    List<GgufLayout> layouts = new ArrayList<>();
    for (int i = 0; i < files.size(); i++) {
      Path file = files.get(i);
      Map<String, GgufValue> values = new LinkedHashMap<>(i == 0 ? metadata : Map.of());
      values.put("split.no", GgufValue.uint16(i));
      values.put("split.count", GgufValue.uint16(files.size()));
      values.put("split.tensors.count", GgufValue.int32(tensors.size()));
      layouts.add(
          new GgufLayout(
              values,
              tensors.stream()
                  .filter(tensor -> tensor.weight().slices().getFirst().file().equals(file))
                  .toList()));
    }
    return layouts;
  }
}
