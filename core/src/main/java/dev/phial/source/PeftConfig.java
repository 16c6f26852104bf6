package dev.phial.source;

import dev.phial.PhialException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import tools.jackson.databind.JsonNode;

/** What peft's adapter_config.json says that its tensors do not. */
final class PeftConfig {
  /** What makes of an adapter more than a change to matrices that can be added to them. */
  private static final List<String> UNREAD =
      List.of(
          "layer_replication",
          "lora_bias",
          "use_qalora",
          "use_bdlora",
          "arrow_config",
          "kasa_config",
          "monteclora_config",
          "velora_config",
          "trainable_token_indices",
          "target_parameters",
          "alora_invocation_tokens",
          "ensure_weight_tying");

  /** Ways to begin with that leave the weights of the model as they are. */
  private static final Set<String> HARMLESS = Set.of("gaussian", "eva", "orthogonal");

  private static final String REMEDY = "merge it into its model with peft (merge_and_unload)";

  private final Config config;
  private final Optional<Config> ranks;
  private final Optional<Config> alphas;

  private PeftConfig(Config config) {
    this.config = config;
    this.ranks = pattern("rank_pattern");
    this.alphas = pattern("alpha_pattern");
  }

  /**
   * @throws PhialException.Unsupported if it is the adapter of another method than LoRA
   */
  static PeftConfig read(Path file) {
    Config config = Config.read(file);
    String type = config.text("peft_type").orElse("no peft_type");
    if (!type.equals("LORA")) {
      throw Refusal.unsupported(
          file, "expected an adapter of type LORA, found %s; %s", type, REMEDY);
    }
    for (String key : UNREAD) {
      if (isSet(config.json().path(key))) {
        throw Refusal.unsupported(
            file, "expected low-rank matrices alone, found %s; %s", key, REMEDY);
      }
    }
    JsonNode begin = config.json().path("init_lora_weights");
    if (begin.isString() && !HARMLESS.contains(begin.stringValue())) {
      throw Refusal.unsupported(
          file,
          "expected an adapter to the weights of its model, found one to weights that init_lora_weights %s changed; have peft convert it (path_initial_model_for_weight_conversion)",
          begin.stringValue());
    }
    return new PeftConfig(config);
  }

  private static boolean isSet(JsonNode value) {
    return !value.isMissingNode()
        && !value.isNull()
        && !(value.isBoolean() && !value.booleanValue())
        && !(value.isContainer() && value.isEmpty());
  }

  Path file() {
    return config.file();
  }

  /** The rank of a module's matrices. */
  int rank(String module) {
    return match(ranks, module)
        .map(key -> ranks.orElseThrow().count(key))
        .orElseGet(() -> config.count("r"));
  }

  /** What the product of a pair is multiplied by. */
  double factor(LoraNames.Pair pair) {
    int rank = rank(pair.module());
    double usual = config.number("lora_alpha", 8);
    double alpha =
        match(alphas, pair.module())
            .map(key -> alphas.orElseThrow().number(key, usual))
            .orElse(usual);
    return config.flag("use_rslora", false) ? alpha / Math.sqrt(rank) : alpha / rank;
  }

  /**
   * @throws PhialException.BadInput if a change of direction alone (DoRA) has no lengths, or
   *     another has
   */
  void check(Path weights, LoraNames.Pair pair) {
    if (config.flag("use_dora", false) != pair.magnitudes().isPresent()) {
      throw Refusal.bad(
          weights,
          "module %s: expected a lora_magnitude_vector where use_dora says so, and only there",
          pair.module());
    }
  }

  /**
   * Numbers for some modules. Names are read as peft matches them; expressions are not, since one
   * could take forever.
   */
  private Optional<Config> pattern(String key) {
    Optional<Config> pattern = config.object(key);
    for (String name : pattern.map(p -> p.json().propertyNames()).orElse(List.of())) {
      if (!name.matches("\\^?[\\w.]+")) {
        throw Refusal.unsupported(
            file(),
            "expected names of modules in %s, found the expression %s; %s",
            key,
            name,
            REMEDY);
      }
    }
    return pattern;
  }

  /** The first key that names a module, or the end of its name (peft: {@code get_pattern_key}). */
  private static Optional<String> match(Optional<Config> pattern, String module) {
    for (Map.Entry<String, JsonNode> entry :
        pattern.map(p -> p.json().properties()).orElse(Set.of())) {
      String key = entry.getKey();
      boolean isWhole = key.startsWith("^");
      if (module.equals(isWhole ? key.substring(1) : key)
          || !isWhole && module.endsWith("." + key)) {
        return Optional.of(key);
      }
    }
    return Optional.empty();
  }
}
