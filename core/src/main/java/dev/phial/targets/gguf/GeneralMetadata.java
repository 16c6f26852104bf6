package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.source.GgufValue;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * The {@code general.*} keys: sampling defaults, name, authors, licence, base models. Sources in
 * rising order of weight: the folder's name, config.json, the model card, an override file, the
 * command line; gguf-py's {@code Metadata.load}.
 */
final class GeneralMetadata {
  private static final Pattern HUB_URL = Pattern.compile("https?://huggingface.co/([^/]+/[^/]+)$");

  /**
   * Key of the metadata, then the names it has in a model card, in the order in which they count.
   */
  private static final Map<String, List<String>> CARD = new LinkedHashMap<>();

  static {
    CARD.put("general.name", List.of("name", "model_name"));
    CARD.put("general.author", List.of("author", "model_author", "model_creator"));
    CARD.put("general.version", List.of("version", "model_version"));
    CARD.put("general.organization", List.of("organization", "model_organization"));
    CARD.put("general.description", List.of("description", "model_description"));
    CARD.put("general.finetune", List.of("finetune", "model_finetune"));
    CARD.put("general.basename", List.of("basename", "model_basename", "model_type"));
    CARD.put("general.size_label", List.of("size_label", "model_size_label"));
    CARD.put("general.source.url", List.of("url", "model_url"));
    CARD.put("general.source.doi", List.of("doi", "model_doi"));
    CARD.put("general.source.uuid", List.of("uuid", "model_uuid"));
    CARD.put("general.source.repo_url", List.of("repo_url", "model_repo_url"));
    CARD.put("general.license", List.of("license"));
    CARD.put("general.license.name", List.of("license_name"));
    CARD.put("general.license.link", List.of("license_link"));
  }

  /** Keys that are written between the sampling defaults and the base models, in this order. */
  private static final List<String> TEXTS =
      List.of(
          "general.name",
          "general.author",
          "general.version",
          "general.organization",
          "general.finetune",
          "general.basename",
          "general.description",
          "general.quantized_by",
          "general.size_label",
          "general.license",
          "general.license.name",
          "general.license.link",
          "general.url",
          "general.doi",
          "general.uuid",
          "general.repo_url",
          "general.source.url",
          "general.source.doi",
          "general.source.uuid",
          "general.source.repo_url");

  private static final List<String> REFERENCE_FIELDS =
      List.of(
          "name",
          "author",
          "version",
          "organization",
          "description",
          "url",
          "doi",
          "uuid",
          "repo_url");

  private final long parameters;
  private final Map<String, GgufValue> sampling = new LinkedHashMap<>();
  private final Map<String, String> texts = new LinkedHashMap<>();
  private Optional<List<Map<String, String>>> baseModels = Optional.empty();
  private Optional<List<Map<String, String>>> datasets = Optional.empty();
  private final List<String> tags = new ArrayList<>();
  private final List<String> languages = new ArrayList<>();

  private GeneralMetadata(long parameters) {
    this.parameters = parameters;
  }

  /**
   * Gathers the keys of a checkpoint.
   *
   * @param override a JSON file of keys that win, {@code --metadata}
   * @param modelName a name that wins, {@code --model-name}
   * @param sizeLabel what to write where no name tells a size
   */
  static Map<String, GgufValue> of(
      Folder folder,
      long parameters,
      Optional<Path> override,
      Optional<String> modelName,
      String sizeLabel) {
    GeneralMetadata metadata = new GeneralMetadata(parameters);
    metadata.addCard(ModelCard.read(folder.file("README.md")));
    folder
        .config()
        .text("_name_or_path")
        .filter(name -> name.chars().filter(c -> c == '/').count() <= 1)
        .ifPresent(metadata::addId);
    metadata.addId(folder.name());
    folder.json("generation_config.json").ifPresent(metadata::addSampling);
    override.map(Config::read).ifPresent(metadata::override);
    modelName.ifPresent(name -> metadata.texts.put("general.name", name));
    metadata.texts.putIfAbsent("general.name", folder.name());
    metadata.texts.putIfAbsent("general.size_label", sizeLabel);
    return metadata.values();
  }

  private void addCard(ModelCard card) {
    CARD.forEach((key, names) ->
        names.stream()
            .flatMap(name -> card.text(name).stream())
            .findFirst()
            .ifPresent(value -> texts.put(key, value)));
    baseModels = references(card, List.of("base_model", "base_models", "base_model_sources"));
    datasets = references(card, List.of("datasets", "dataset", "dataset_sources"));
    for (String field : List.of("tags", "pipeline_tag")) {
      tags.addAll(card.texts(field));
    }
    for (String field : List.of("languages", "language")) {
      languages.addAll(card.texts(field));
    }
  }

  private Optional<List<Map<String, String>>> references(ModelCard card, List<String> fields) {
    Optional<String> field = fields.stream().filter(card::has).findFirst();
    return field.map(name -> card.list(name).stream().map(this::reference).toList());
  }

  /** A base model or dataset, given as a hub id, a URL or a map of its own. */
  private Map<String, String> reference(Object given) {
    Map<String, String> result = new LinkedHashMap<>();
    if (given instanceof Map<?, ?> map) {
      REFERENCE_FIELDS.forEach(
          field -> ModelCard.text(map.get(field)).ifPresent(value -> result.put(field, value)));
      return result;
    }
    String id = ModelCard.text(given).orElse("");
    if (id.startsWith("http://") || id.startsWith("https://") || id.startsWith("ssh://")) {
      result.put("repo_url", id);
      Matcher hub = HUB_URL.matcher(id);
      if (hub.matches()) {
        name(result, ModelId.parse(hub.group(1), parameters));
      }
      return result;
    }
    ModelId parsed = ModelId.parse(id, parameters);
    name(result, parsed);
    parsed
        .organization()
        .ifPresent(organization ->
            result.put(
                "repo_url", "https://huggingface.co/%s/%s".formatted(organization, parsed.name())));
    return result;
  }

  private static void name(Map<String, String> to, ModelId id) {
    to.put("name", ModelId.title(id.name()));
    id.organization()
        .ifPresent(organization -> to.put("organization", ModelId.title(organization)));
    id.version().ifPresent(version -> to.put("version", version));
  }

  private void addId(String id) {
    ModelId parsed = ModelId.parse(id, parameters);
    texts.putIfAbsent("general.name", ModelId.title(parsed.name()));
    parsed
        .organization()
        .ifPresent(value -> texts.putIfAbsent("general.organization", ModelId.title(value)));
    parsed.basename().ifPresent(value -> texts.putIfAbsent("general.basename", value));
    parsed.finetune().ifPresent(value -> texts.putIfAbsent("general.finetune", value));
    parsed.version().ifPresent(value -> texts.putIfAbsent("general.version", value));
    parsed.sizeLabel().ifPresent(value -> texts.putIfAbsent("general.size_label", value));
  }

  /** The sampling defaults, under GGUF's name and under those of generation_config.json. */
  private enum Sampling {
    SEQUENCE("sequence"),
    TOP_K("top_k"),
    TOP_P("top_p"),
    MIN_P("min_p"),
    XTC_PROBABILITY("xtc_probability"),
    XTC_THRESHOLD("xtc_threshold"),
    TEMP("temp", "temperature"),
    PENALTY_LAST_N("penalty_last_n"),
    PENALTY_REPEAT("penalty_repeat", "penalty_repeat", "repetition_penalty"),
    MIROSTAT("mirostat"),
    MIROSTAT_TAU("mirostat_tau"),
    MIROSTAT_ETA("mirostat_eta");

    private final String key;
    private final String field;
    private final String otherField;

    Sampling(String name) {
      this(name, name);
    }

    Sampling(String name, String field) {
      this(name, field, field);
    }

    Sampling(String name, String field, String otherField) {
      this.key = "general.sampling." + name;
      this.field = field;
      this.otherField = otherField;
    }

    GgufValue value(Config config, String name) {
      return switch (this) {
        case SEQUENCE -> new GgufValue.Text(config.text(name).orElseThrow());
        case TOP_K, PENALTY_LAST_N, MIROSTAT -> GgufValue.int32((int) config.number(name, 0));
        default -> GgufValue.float32(config.number(name, 0));
      };
    }
  }

  private void addSampling(Config generation) {
    for (Sampling setting : Sampling.values()) {
      Stream.of(setting.field, setting.otherField)
          .filter(generation::has)
          .findFirst()
          .ifPresent(field -> sampling.put(setting.key, setting.value(generation, field)));
    }
  }

  private void override(Config file) {
    for (Sampling setting : Sampling.values()) {
      if (file.has(setting.key)) {
        sampling.put(setting.key, setting.value(file, setting.key));
      }
    }
    for (String key : TEXTS) {
      if (!key.equals("general.license")) { // as gguf-py: the licence itself is not overridden
        file.text(key).ifPresent(value -> texts.put(key, value));
      }
    }
    overrideReferences(file, "general.base_models")
        .ifPresent(value -> baseModels = Optional.of(value));
    overrideReferences(file, "general.datasets").ifPresent(value -> datasets = Optional.of(value));
    overrideList(file, "general.tags", tags);
    overrideList(file, "general.languages", languages);
  }

  private static Optional<List<Map<String, String>>> overrideReferences(Config file, String key) {
    if (!file.has(key)) {
      return Optional.empty();
    }
    List<Map<String, String>> references = new ArrayList<>();
    for (JsonNode entry : file.json().get(key)) {
      if (!entry.isObject()) {
        throw new PhialException.BadInput(
            "%s: expected a list of objects in field %s, found %s"
                .formatted(file.file(), key, entry));
      }
      Map<String, String> reference = new LinkedHashMap<>();
      entry
          .properties()
          .forEach(field -> reference.put(field.getKey(), field.getValue().asString()));
      references.add(reference);
    }
    return Optional.of(references);
  }

  private static void overrideList(Config file, String key, List<String> to) {
    if (file.has(key)) {
      to.clear();
      file.json().get(key).forEach(entry -> to.add(entry.asString()));
    }
  }

  private Map<String, GgufValue> values() {
    Map<String, GgufValue> values = new LinkedHashMap<>();
    for (Sampling setting : Sampling.values()) {
      GgufValue value = sampling.get(setting.key);
      if (value != null) {
        values.put(setting.key, value);
      }
    }
    for (String key : TEXTS) {
      put(values, key, texts.getOrDefault(key, ""));
    }
    baseModels.ifPresent(references -> put(values, "general.base_model", references));
    datasets.ifPresent(references -> put(values, "general.dataset", references));
    if (!tags.isEmpty()) {
      values.put("general.tags", new GgufValue.Texts(tags));
    }
    if (!languages.isEmpty()) {
      values.put("general.languages", new GgufValue.Texts(languages));
    }
    return values;
  }

  private static void put(
      Map<String, GgufValue> values, String prefix, List<Map<String, String>> references) {
    values.put(prefix + ".count", GgufValue.uint32(references.size()));
    for (int i = 0; i < references.size(); i++) {
      for (String field : REFERENCE_FIELDS) {
        put(values, prefix + "." + i + "." + field, references.get(i).getOrDefault(field, ""));
      }
    }
  }

  /** Empty strings are not written. */
  private static void put(Map<String, GgufValue> values, String key, String value) {
    if (!value.isEmpty()) {
      values.put(key, new GgufValue.Text(value));
    }
  }
}
