package dev.phial.source;

import dev.phial.io.Json;
import dev.phial.tensor.Tensor;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Undoes what tools make of PyTorch's linear layers: where several tensors stand for a weight, they
 * become one that reads as numbers. What the tensors look like counts; config.json, which may be a
 * left-over, is asked for what they do not say.
 */
final class TorchQuantizers {
  /** The first whose layer it is counts. */
  private static final List<TorchQuantizer> ALL =
      List.of(
          new Awq(),
          new Gptq(),
          new CompressedTensors(),
          new Bitsandbytes(),
          new TorchAo(),
          new Hqq());

  private static final long MOST_HELD = 1 << 24; // of a checkpoint

  private final Config quantization;
  private final Map<String, Tensor> tensors;
  private final Set<String> methods = new LinkedHashSet<>(); // that were found
  private long held; // numbers in memory so far

  private TorchQuantizers(Config quantization, Map<String, Tensor> tensors) {
    this.quantization = quantization;
    this.tensors = tensors;
  }

  /**
   * The tensors with the weights of all layers.
   *
   * @param quantization what the checkpoint says about how it was quantized, if anything
   * @param notes receives what a user should know
   */
  static Map<String, Tensor> attach(
      Config config,
      Optional<Config> quantization,
      Map<String, Tensor> tensors,
      List<String> notes) {
    Config said =
        quantization.orElseGet(() -> new Config(config.file(), Json.MAPPER.createObjectNode()));
    TorchQuantizers quantizers = new TorchQuantizers(said, tensors);
    Map<String, Tensor> result = quantizers.attach();
    quantizers.note(config).ifPresent(notes::add);
    return result;
  }

  private Map<String, Tensor> attach() {
    Map<String, TorchLayer> layers = layers();
    Map<String, Tensor> result = new LinkedHashMap<>();
    Set<String> done = new LinkedHashSet<>();
    tensors.forEach((name, tensor) -> {
      Optional<TorchLayer> layer =
          layerOf(name).map(layers::get).filter(found -> quantizer(found).isPresent());
      if (layer.isEmpty()) {
        result.put(name, tensor);
      } else if (done.add(layer.get().name())) {
        TorchQuantizer quantizer = quantizer(layer.get()).orElseThrow();
        methods.add(quantizer.method());
        String weight = layer.get().name() + TorchLayer.WEIGHT;
        result.put(weight, weight(quantizer, layer.get()).withName(weight));
      }
    });
    return result;
  }

  private Tensor weight(TorchQuantizer quantizer, TorchLayer layer) {
    Optional<Config> transforms =
        quantization.object("transform_config").filter(found -> !found.json().isEmpty());
    if (transforms.isPresent()) {
      throw Refusal.unsupported(
          quantization.file(),
          "expected weights alone, found a transform_config, by which inputs are turned as well; use the original checkpoint");
    }
    if (layer.has(TorchLayer.WEIGHT) && !quantizer.parts().contains(TorchLayer.WEIGHT)) {
      Tensor twice = layer.part(TorchLayer.WEIGHT);
      throw Refusal.bad(
          twice.file(),
          "tensor %s: expected the weight once, found it quantized with %s beside it; remove the one that is left over",
          twice.name(),
          quantizer.method());
    }
    Tensor weight = quantizer.weight(layer, quantization);
    held += weight.scales() == null ? 0 : weight.scales().held();
    if (held > MOST_HELD) {
      throw Refusal.bad(
          weight.file(),
          "tensor %s: expected at most %d scales in the checkpoint, found more",
          weight.name(),
          MOST_HELD);
    }
    return weight;
  }

  /** Layers of which there are more tensors than a weight. */
  private Map<String, TorchLayer> layers() {
    Map<String, Map<String, Tensor>> parts = new LinkedHashMap<>();
    tensors.forEach((name, tensor) ->
        layerOf(name)
            .ifPresent(layer ->
                parts
                    .computeIfAbsent(layer, any -> new LinkedHashMap<>())
                    .put(name.substring(layer.length()), tensor)));
    Map<String, TorchLayer> layers = new LinkedHashMap<>();
    parts.forEach((name, of) -> layers.put(name, new TorchLayer(name, of)));
    return layers;
  }

  private static Optional<TorchQuantizer> quantizer(TorchLayer layer) {
    return ALL.stream().filter(quantizer -> quantizer.isIn(layer)).findFirst();
  }

  /** The longest suffix counts, since {@code .weight} is one too. */
  private static Optional<String> layerOf(String name) {
    String best = "";
    for (TorchQuantizer quantizer : ALL) {
      for (String part : quantizer.parts()) {
        int at = part.endsWith(".") ? name.lastIndexOf(part) : name.length() - part.length();
        if (at > 0 && name.startsWith(part, at) && name.length() - at > best.length()) {
          best = name.substring(at);
        }
      }
    }
    return best.isEmpty()
        ? Optional.empty()
        : Optional.of(name.substring(0, name.length() - best.length()));
  }

  private Optional<String> note(Config config) {
    Optional<String> said = quantization.text("quant_method");
    if (methods.isEmpty() || said.isPresent() && methods.equals(Set.of(said.get()))) {
      return Optional.empty();
    }
    List<String> found = new ArrayList<>(methods);
    return said.filter(method -> !method.equals("auto-round") && !method.equals("intel/auto-round"))
        .map(method ->
            "%s: it says that the weights are quantized with %s, but they are packed as %s does it; they are read so"
                .formatted(quantization.file(), method, String.join(" and ", found)))
        .or(() ->
            said.isPresent()
                ? Optional.empty()
                : Optional.of(
                    "%s: it does not say that the weights are quantized, but they are packed as %s does it; they are read so"
                        .formatted(config.file(), String.join(" and ", found))));
  }
}
