package dev.phial.model;

import dev.phial.source.Config;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/** Phi-4-multimodal: Phi-4-mini with image and speech encoders and a low-rank adapter for each. */
final class Phi4Multimodal implements Family {
  @Override
  public String name() {
    return "phi4mm";
  }

  @Override
  public List<String> architectures() {
    return List.of("Phi4MMForCausalLM", "Phi4MultimodalForCausalLM");
  }

  @Override
  public List<String> modelTypes() {
    return List.of("phi4mm", "phi4_multimodal");
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
    names.add(TensorName.all(Role.VISION, "model.embed_tokens_extend.image_embed."));
    names.add(TensorName.all(Role.AUDIO, "model.embed_tokens_extend.audio_embed."));
    names.add(TensorName.all(Role.ADAPTER, "adapter."));
    return names;
  }

  @Override
  public Hyperparameters hyperparameters(Config config) {
    return Phi3.read(config);
  }

  /**
   * The adapted matrices are called {@code base_layer}, their adapters {@code lora_A} and {@code
   * lora_B}.
   */
  @Override
  public Map<String, Tensor> sanitize(Map<String, Tensor> tensors) {
    Map<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) ->
        result.put(
            name.contains(".lora_") ? "adapter." + name : name.replace(".base_layer.", "."),
            tensor));
    return result;
  }
}
