package dev.phial.targets.mlx;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.targets.mlx.SafetensorsFile.Entry;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.databind.node.ObjectNode;

/**
 * Which tensor goes into which file, and where; mlx_lm's {@code save_model}.
 *
 * @param places of the entries of each tensor, in the order of the tensors
 */
record MlxLayout(List<MlxTensor> tensors, List<SafetensorsFile> shards, List<List<Place>> places) {
  private static final long LARGEST_SHARD = 5L << 30;

  /**
   * Where an array lies.
   *
   * @param offset from where the data of the file begins
   */
  record Place(int shard, long offset) {}

  static MlxLayout of(List<MlxTensor> tensors) {
    return of(tensors, LARGEST_SHARD);
  }

  /** An array that is larger than a file may be gets one for itself. */
  static MlxLayout of(List<MlxTensor> tensors, long largestShard) {
    List<List<Entry>> shards = new ArrayList<>();
    List<List<Place>> places = new ArrayList<>();
    long offset = 0;
    for (MlxTensor tensor : tensors) {
      List<Place> ofTensor = new ArrayList<>();
      for (Entry entry : tensor.entries()) {
        if (shards.isEmpty() || offset + entry.bytes() > largestShard) {
          shards.add(new ArrayList<>());
          offset = 0;
        }
        shards.getLast().add(entry);
        ofTensor.add(new Place(shards.size() - 1, offset));
        offset += entry.bytes();
      }
      places.add(List.copyOf(ofTensor));
    }
    List<SafetensorsFile> files = new ArrayList<>();
    for (int i = 0; i < shards.size(); i++) {
      String name =
          shards.size() == 1
              ? "model.safetensors"
              : "model-%05d-of-%05d.safetensors".formatted(i + 1, shards.size());
      files.add(new SafetensorsFile(name, shards.get(i)));
    }
    return new MlxLayout(List.copyOf(tensors), List.copyOf(files), List.copyOf(places));
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
