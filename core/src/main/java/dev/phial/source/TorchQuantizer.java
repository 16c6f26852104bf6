package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.util.List;

/** A tool that quantizes PyTorch's linear layers, by what its files look like. */
interface TorchQuantizer {
  /** What config.json calls it. */
  String method();

  /**
   * What may follow the name of a layer in the name of a tensor; ends with a dot where any more
   * may.
   */
  List<String> parts();

  /** Whether a layer is one of its own. */
  boolean isIn(TorchLayer layer);

  /**
   * The weight, {@code [out, in]}, that reads as numbers.
   *
   * @param quantization what config.json says about it; the tensors are believed first
   * @throws dev.phial.PhialException.BadInput if parts are missing or do not fit
   * @throws dev.phial.PhialException.Unsupported if it is of a kind that is not read
   */
  Tensor weight(TorchLayer layer, Config quantization);
}
