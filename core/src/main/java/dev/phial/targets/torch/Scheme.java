package dev.phial.targets.torch;

import dev.phial.model.ModelDescription;
import dev.phial.tensor.Coding;
import java.util.List;
import tools.jackson.databind.node.ObjectNode;

/** A way to store linear layers, and to tell their reader of it. */
interface Scheme {
  /** What stands after the colon of {@code --to}. */
  String name();

  /** Elements of a row that share a scale; 0 if rows of any length do. */
  int groupSize();

  /** Whether {@code out} must divide by this too. */
  default int outputs() {
    return 1;
  }

  TorchTensor tensor(Linear linear);

  /** The codings for codes as they are, the best first. */
  List<Coding> codings(Coding from);

  /** What config.json says in {@code quantization_config}. */
  ObjectNode config(ModelDescription model);

  /** For the name of an output: precision, and what differs from the usual. */
  String label();

  /** Whether biases of such layers are in half precision. */
  default boolean hasHalfBiases() {
    return false;
  }
}
