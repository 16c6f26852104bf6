package dev.phial.target.onnx;

import java.util.List;
import onnx.Onnx.ModelProto;

/**
 * A graph and what its data file holds.
 *
 * @param stored in the order of the file
 */
record OnnxModel(ModelProto proto, List<Stored> stored) {
  OnnxModel {
    stored = List.copyOf(stored);
  }
}
