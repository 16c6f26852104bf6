package dev.phial.targets.mlx;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.plan.PlannedTensor;
import dev.phial.targets.layout.Layout;
import dev.phial.targets.layout.RowStore;
import dev.phial.targets.layout.SafetensorsFile;
import dev.phial.targets.layout.SafetensorsFile.Entry;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** Which tensor goes into which file; mlx_lm's {@code save_model}. */
record MlxLayout(List<MlxTensor> tensors, List<SafetensorsFile> shards) {
  static MlxLayout of(List<MlxTensor> tensors) {
    return of(tensors, SafetensorsFile.LARGEST);
  }

  static MlxLayout of(List<MlxTensor> tensors, long largestShard) {
    List<Entry> entries = tensors.stream().flatMap(tensor -> tensor.entries().stream()).toList();
    return new MlxLayout(
        List.copyOf(tensors), SafetensorsFile.shards("mlx", entries, largestShard));
  }

  /** Lays headers and arrays down. */
  void addTo(Layout.Builder builder) {
    shards.forEach(shard -> shard.addTo(builder));
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
    index.set("weight_map", SafetensorsFile.weightMap(shards));
    return PythonJson.dump(index, MlxConfig.INDENT);
  }
}
