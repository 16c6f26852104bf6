package dev.phial.target.onnx;

import java.util.List;
import onnx.Onnx.ModelProto;

/**
 * A graph and what its data file holds.
 *
 * @param stored in the order of the file
 * @param exact whether numbers must not be rounded
 */
record OnnxModel(ModelProto proto, List<Stored> stored, boolean exact) {
  OnnxModel {
    stored = List.copyOf(stored);
  }
}
