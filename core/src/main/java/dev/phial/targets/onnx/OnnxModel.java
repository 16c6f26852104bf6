package dev.phial.targets.onnx;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import onnx.Onnx.ModelProto;

/**
 * Graphs by their files, and what the data file that they share holds.
 *
 * @param stored in the order of the file
 * @param exact whether numbers must not be rounded
 */
record OnnxModel(Map<String, ModelProto> graphs, List<Stored> stored, boolean exact) {
  OnnxModel {
    graphs = Collections.unmodifiableMap(new LinkedHashMap<>(graphs));
    stored = List.copyOf(stored);
  }
}
