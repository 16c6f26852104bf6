package dev.phial.model;

import dev.phial.source.Config;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Phi-3-vision and Phi-3.5-vision: Phi-3 behind an image encoder. */
final class Phi3Vision implements Family {
  @Override
  public String name() {
    return "phi3v";
  }

  @Override
  public List<String> architectures() {
    return List.of("Phi3VForCausalLM");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phi3_v");
  }

  @Override
  public Family text() {
    return Phi3.INSTANCE;
  }

  @Override
  public Optional<String> ggufArchitecture() {
    return Optional.empty();
  }

  @Override
  public List<TensorName> names() {
    List<TensorName> names = new ArrayList<>(Phi3.INSTANCE.names());
    names.add(TensorName.all(Role.VISION, "model.vision_embed_tokens."));
    return names;
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    return Phi3.read(config);
  }
}
