package dev.phial.model;

import dev.phial.source.Config;
import dev.phial.source.Gguf;
import dev.phial.tensor.Tensor;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Models that share an architecture. */
public interface Family {
  /** A short name for messages. */
  String name();

  /** The architectures of config.json that belong here. */
  List<String> architectures();

  /** What {@code model_type} in config.json says, where it names no architecture. */
  List<String> modelTypes();

  /** What remains of these models without images and sound; most of them are nothing else. */
  default Family text() {
    return this;
  }

  /** The architecture of llama.cpp that runs these models, if there is one. */
  Optional<String> ggufArchitecture();

  /** What every parameter is called. */
  List<TensorName> names();

  /**
   * What the parameters of a role are called.
   *
   * @throws java.util.NoSuchElementException if these models have none
   */
  default TensorName name(Role role) {
    return names().stream().filter(name -> name.role() == role).findFirst().orElseThrow();
  }

  /**
   * Reads the numbers from config.json, in the published (transformers 4) or the transformers 5
   * schema.
   *
   * @throws dev.phial.PhialException.BadInput if one is missing or makes no sense
   */
  Hyperparameters hyperparameters(Config config);

  /** Gives tensors of other layouts the names and shapes of {@link #names}. */
  default Map<String, Tensor> sanitize(Map<String, Tensor> tensors) {
    return tensors;
  }

  /** Gives tensors of older GGUF files the names and shapes of {@link #names}. */
  default Map<String, Tensor> sanitizeGguf(Map<String, Tensor> tensors) {
    return tensors;
  }

  /** Reads the numbers from the metadata of a GGUF file. */
  default Hyperparameters hyperparameters(Gguf gguf) {
    return GgufHyperparameters.read(gguf);
  }
}
