package dev.phial.model;

import dev.phial.source.Config;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Phi-4-reasoning-vision: Phi-4-reasoning behind a SigLIP2 encoder and a projector. */
final class Phi4Siglip implements Family {
  @Override
  public String name() {
    return "phi4siglip";
  }

  @Override
  public List<String> architectures() {
    return List.of("Phi4ForCausalLMV");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phi4-siglip");
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
    names.add(TensorName.all(Role.VISION, "model.vision_tower."));
    names.add(TensorName.all(Role.PROJECTOR, "model.mm_projector."));
    return names;
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    return Phi3.read(config);
  }
}
