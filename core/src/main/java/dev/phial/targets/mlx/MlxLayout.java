package dev.phial.targets.mlx;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.mlx.SafetensorsFile.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.node.ObjectNode;

/** Which tensor goes into which file; mlx_lm's {@code save_model}. */
record MlxLayout(List<MlxTensor> tensors, List<SafetensorsFile> shards) {
  private static final long LARGEST_SHARD = 5L << 30;

  static MlxLayout of(List<MlxTensor> tensors) {
    return of(tensors, LARGEST_SHARD);
  }

  /** An array that is larger than a file may be gets one for itself. */
  static MlxLayout of(List<MlxTensor> tensors, long largestShard) {
    List<List<Entry>> shards = new ArrayList<>();
    long offset = 0;
    for (MlxTensor tensor : tensors) {
      for (Entry entry : tensor.entries()) {
        if (shards.isEmpty() || offset + entry.bytes() > largestShard) {
          shards.add(new ArrayList<>());
          offset = 0;
        }
        shards.getLast().add(entry);
        offset += entry.bytes();
      }
    }
    List<SafetensorsFile> files = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? "model.safetensors"
              : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      files.add(new SafetensorsFile(name, shards.get(i)));
    }
    return new MlxLayout(List.copyOf(tensors), List.copyOf(files));
  }

  /** Lays headers and arrays down. */
  void addTo(Layout.Builder builder) {
    for (SafetensorsFile shard : shards) {
      byte[] header = shard.header();
      builder.file(shard.name(), header);
      long offset = header.length;
      for (Entry entry : shard.entries()) {
        builder.place(entry, shard.name(), offset);
        offset += entry.bytes();
      }
    }
    for (MlxTensor tensor : tensors) {
      PlannedTensor planned = tensor.planned();
      List<Entry> entries = tensor.entries();
      builder.region(
          planned,
          tensor
              .quantized()
              .map(format -> RowStore.of(planned, format, entries))
              .orElseGet(() -> RowStore.of(planned, entries.getFirst())));
    }
  }

  /** model.safetensors.index.json. */
  byte[] index() {
    ObjectNode index = Json.MAPPER.createObjectNode();
    index
        .putObject("metadata")
        .put("total_size", shards.stream().mapToLong(SafetensorsFile::dataBytes).sum())
        .put(
            "total_parameters",
            tensors.stream().mapToLong(tensor -> tensor.weight().shape().elements()).sum());
    Map<String, String> files = new TreeMap<>();
    for (SafetensorsFile shard : shards) {
      shard.entries().forEach(entry -> files.put(entry.name(), shard.name()));
    }
    ObjectNode map = index.putObject("weight_map");
    files.forEach(map::put);
    return PythonJson.dump(index, MlxConfig.INDENT);
  }
}
