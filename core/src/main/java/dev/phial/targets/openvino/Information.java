package dev.phial.targets.openvino;

import java.util.LinkedHashMap;
import java.util.Map;

/** What the graph says about itself beside its layers. */
final class Information {
  private Information() {}

  static Map<String, ?> of(OpenvinoOptions options) {
    Map<String, Object> all = new LinkedHashMap<>();
    // as optimum-intel sets it: activations are scaled where they are computed in half precision,
    // and a model whose weights are not compressed keeps an uncompressed cache
    Map<String, Object> runtime = new LinkedHashMap<>();
    runtime.put("ACTIVATIONS_SCALE_FACTOR", "8.0");
    if (!options.precision().isCompressed()) {
      runtime.put("KV_CACHE_PRECISION", "f16");
    }
    all.put("runtime_options", runtime);
    Map<String, Object> ours = new LinkedHashMap<>();
    ours.put("precision", options.precision().label());
    if (options.keeps()) {
      ours.put("carry", true);
    } else if (options.precision().isMixed()) {
      ours.put("group_size", options.groupSize());
      ours.put("ratio", options.ratio());
      ours.put("sym", options.symmetric());
      ours.put("backup_precision", OpenvinoOptions.label(options.backup()));
      ours.put("all_layers", options.allLayers());
    }
    all.put("phial", ours);
    return all;
  }
}
