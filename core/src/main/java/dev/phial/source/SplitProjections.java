package dev.phial.source;

import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Projections of Phi-3 that some tools take apart: {@code q_proj}, {@code gate_proj} and so on. */
final class SplitProjections {
  private static final Pattern LAYER =
      Pattern.compile("(.*\\.(?:self_attn|mlp)\\.)(\\w+)\\.weight");

  /** The parts of a projection by the name of the first, which stands for the whole. */
  private static final Map<String, List<String>> PARTS =
      Map.of(
          "q_proj",
          List.of("q_proj", "k_proj", "v_proj"),
          "gate_proj",
          List.of("gate_proj", "up_proj"));

  private static final Map<String, String> WHOLE =
      Map.of("q_proj", "qkv_proj", "gate_proj", "gate_up_proj");

  private SplitProjections() {}

  /** Whether they are in a folder that says it is a Phi-3, as gptqmodel writes it. */
  static boolean areInPhi3(Config config, Map<String, Tensor> tensors) {
    return config.text("model_type").orElse("").equals("phi3")
        && (tensors.containsKey("model.layers.0.mlp.gate_proj.weight")
            || tensors.containsKey("model.layers.0.self_attn.q_proj.weight"));
  }

  static String note(Path path) {
    return path
        + ": its projections are taken apart, which transformers and vLLM do not load for a Phi-3; they are read together";
  }

  /** The tensors with the projections of Phi-3. */
  static Map<String, Tensor> fused(Map<String, Tensor> tensors) {
    Map<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> {
      Matcher layer = LAYER.matcher(name);
      if (!layer.matches() || PARTS.values().stream().noneMatch(p -> p.contains(layer.group(2)))) {
        result.put(name, tensor);
      } else if (PARTS.containsKey(layer.group(2))) {
        String whole = layer.group(1) + WHOLE.get(layer.group(2)) + ".weight";
        if (tensors.containsKey(whole)) {
          throw Refusal.bad(
              tensor.file(),
              "tensor %s: expected projections together or apart, found %s as well; remove what is left over",
              name,
              whole);
        }
        result.put(whole, stack(whole, layer.group(1), layer.group(2), tensors));
      } else if (isAlone(layer, tensors)) {
        result.put(name, tensor); // for nobody to know
      }
    });
    return result;
  }

  /** Whether a part has no first one that it would be stacked with. */
  private static boolean isAlone(Matcher layer, Map<String, Tensor> tensors) {
    return PARTS.entrySet().stream()
        .filter(entry -> entry.getValue().contains(layer.group(2)))
        .noneMatch(entry -> tensors.containsKey(layer.group(1) + entry.getKey() + ".weight"));
  }

  private static Tensor stack(
      String whole, String stem, String first, Map<String, Tensor> tensors) {
    List<Tensor> parts = new ArrayList<>();
    for (String part : Objects.requireNonNull(PARTS.get(first))) {
      Tensor tensor = tensors.get(stem + part + ".weight");
      Tensor one = Objects.requireNonNull(tensors.get(stem + first + ".weight"));
      if (tensor == null) {
        throw Refusal.bad(
            one.file(),
            "expected a tensor %s%s.weight beside %s, found none; is a shard missing?",
            stem,
            part,
            one.name());
      }
      if (tensor.shape().rank() != 2
          || tensor.shape().columns() != one.shape().columns()
          || !tensor.encoding().name().equals(one.encoding().name())) {
        throw Refusal.bad(
            tensor.file(),
            "tensor %s: expected a matrix with columns and type of %s, found %s %s",
            tensor.name(),
            one.name(),
            tensor.encoding().name(),
            tensor.shape());
      }
      parts.add(tensor);
    }
    return Tensor.stack(whole, parts);
  }
}
