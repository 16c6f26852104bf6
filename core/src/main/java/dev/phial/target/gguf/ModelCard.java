package dev.phial.target.gguf;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** The YAML at the head of a README.md. */
record ModelCard(Map<String, Object> fields) {
  private static final System.Logger LOG = System.getLogger(ModelCard.class.getName());
  private static final int LARGEST = 1 << 20;

  /**
   * Reads the card; a README.md without one gives an empty card, and so does one that is no YAML,
   * with a warning, since nothing but names depends on it.
   */
  static ModelCard read(Optional<Path> readme) {
    if (readme.isEmpty()) {
      return new ModelCard(Map.of());
    }
    String yaml = frontMatter(readme.get());
    LoaderOptions options = new LoaderOptions();
    options.setMaxAliasesForCollections(50);
    options.setNestingDepthLimit(50);
    try {
      Object data = new Yaml(new SafeConstructor(options)).load(yaml);
      Map<String, Object> fields = new LinkedHashMap<>();
      if (data instanceof Map<?, ?> map) {
        map.forEach((key, value) -> fields.put(String.valueOf(key), value));
      }
      return new ModelCard(fields);
    } catch (YAMLException e) {
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: the model card is not valid YAML and was left out: {1}",
          readme.get(),
          e.getMessage());
      return new ModelCard(Map.of());
    }
  }

  private static String frontMatter(Path readme) {
    List<String> lines;
    try {
      if (Files.size(readme) > LARGEST) {
        throw new PhialException.BadInput(
            "%s: expected at most %d bytes, found %d"
                .formatted(readme, LARGEST, Files.size(readme)));
      }
      lines = Files.readString(readme).lines().toList();
    } catch (IOException e) {
      throw Json.unreadable(readme, e);
    }
    if (lines.isEmpty() || !lines.getFirst().equals("---")) {
      return "";
    }
    List<String> front = lines.stream().skip(1).takeWhile(line -> !line.equals("---")).toList();
    // Norwegian is no boolean, and tabs are no YAML: what gguf-py mends
    return (String.join("\n", front) + "\n").replace("- no\n", "- \"no\"\n").replace("\t", "  ");
  }

  Optional<String> text(String key) {
    Object value = fields.get(key);
    if (value instanceof List<?> list) {
      return Optional.of(String.join(",", list.stream().map(String::valueOf).toList()));
    }
    return Optional.ofNullable(value).map(String::valueOf);
  }

  /** The entries of a field that holds one or several. */
  List<Object> list(String key) {
    Object value = fields.get(key);
    if (value instanceof List<?> list) {
      return new ArrayList<>(list);
    }
    return value == null ? List.of() : List.of(value);
  }

  boolean has(String key) {
    return fields.containsKey(key);
  }
}
