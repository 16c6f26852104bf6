package dev.phial.targets.torch;

import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.InputCodes;
import dev.phial.tensor.Coding;
import java.util.List;
import java.util.Optional;
import tools.jackson.databind.node.ObjectNode;

/** A way to store linear layers, and to tell their reader of it. */
interface Scheme {
  /** What the length of a row must be a multiple of. */
  int inputs();

  /** What the number of rows must be a multiple of. */
  default int outputs() {
    return 1;
  }

  /** The layers that it leaves as they are. */
  default Ignored ignored() {
    return Ignored.NONE;
  }

  /** How runtimes round the inputs of such layers as they come, if they do. */
  default Optional<InputCodes> inputCodes() {
    return Optional.empty();
  }

  TorchTensor tensor(Linear linear);

  /** The codings for codes as they are, the best first. */
  List<Coding> codings(Coding from);

  /** What config.json says in {@code quantization_config}. */
  ObjectNode config(ModelDescription model);

  /** For the name of an output: precision, and what differs from the usual. */
  String label();

  /** Whether such layers compute in half precision, in which their scales and biases are then. */
  default boolean isHalf() {
    return false;
  }
}
