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
import java.util.stream.Stream;
import tools.jackson.databind.node.ObjectNode;

/**
 * A Phi-3, 3.5 or 4 that was rewritten as a Llama or Mistral, as some fine-tuning tools do: the
 * same decoder, with the fused projections taken apart. Put together again, it is a Phi-3.
 */
final class Llama {
  private static final List<String> ARCHITECTURES =
      List.of("LlamaForCausalLM", "MistralForCausalLM");

  /** What config.json must say, since the defaults of these classes are not Phi-3's. */
  private static final List<String> NEEDED =
      List.of(
          "hidden_size",
          "intermediate_size",
          "num_hidden_layers",
          "num_attention_heads",
          "num_key_value_heads",
          "vocab_size",
          "max_position_embeddings",
          "rms_norm_eps");

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

  private Llama() {}

  static boolean isIn(Config config, Map<String, Tensor> tensors) {
    return ARCHITECTURES.contains(config.json().path("architectures").path(0).stringValue(""))
        && tensors.containsKey("model.layers.0.self_attn.q_proj.weight");
  }

  static String note(Path path) {
    return path
        + ": a Llama or Mistral, whose decoder is Phi-3's with its projections taken apart; it is read as a Phi-3";
  }

  /** The tensors with the projections of Phi-3. */
  static Map<String, Tensor> fused(Config config, Map<String, Tensor> tensors) {
    check(config);
    Map<String, Tensor> result = new LinkedHashMap<>();
    tensors.forEach((name, tensor) -> {
      Matcher layer = LAYER.matcher(name);
      if (!layer.matches() || PARTS.values().stream().noneMatch(p -> p.contains(layer.group(2)))) {
        result.put(name, tensor);
      } else if (PARTS.containsKey(layer.group(2))) {
        String whole = layer.group(1) + WHOLE.get(layer.group(2)) + ".weight";
        result.put(whole, stack(whole, layer.group(1), layer.group(2), tensors));
      }
    });
    return result;
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

  /** Where a Llama is more than a Phi-3 can be, it is refused. */
  private static void check(Config config) {
    for (String key : NEEDED) {
      if (!config.has(key)) {
        throw Refusal.bad(config.file(), "expected a field %s, found none", key);
      }
    }
    int size = config.count("hidden_size") / config.count("num_attention_heads");
    if (config.count("head_dim", size) != size
        || !config.text("hidden_act").orElse("silu").equals("silu")) {
      throw Refusal.unsupported(
          config.file(),
          "expected a Llama or Mistral that is a rewritten Phi-3, with silu and heads of %d, found %s and %d",
          size,
          config.text("hidden_act").orElse("silu"),
          config.count("head_dim", size));
    }
  }

  /** The folder with the configuration of a Phi-3. */
  static Folder asPhi3(Folder folder) {
    ObjectNode json = (ObjectNode) folder.config().json().deepCopy();
    json.putArray("architectures").add("Phi3ForCausalLM");
    json.put("model_type", "phi3");
    Stream.of("attention_bias", "mlp_bias", "head_dim", "pretraining_tp").forEach(json::remove);
    return folder.with(new Config(folder.config().file(), json));
  }
}
