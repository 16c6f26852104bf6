package dev.phial.targets.gguf;

import dev.phial.Printable;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.constructor.SafeConstructor;
import org.yaml.snakeyaml.error.YAMLException;

/** The YAML at the head of a README.md. */
record ModelCard(Map<String, Object> fields) {
  private static final System.Logger LOG = System.getLogger(ModelCard.class.getName());

  private static final int LARGEST = 1 << 20;
  private static final int LONGEST_REASON = 200;

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
    Map<String, Object> fields = new LinkedHashMap<>();
    try {
      if (yaml.length() > LARGEST) {
        throw new YAMLException("it is longer than " + LARGEST);
      }
      if (new Yaml(new SafeConstructor(options)).load(yaml) instanceof Map<?, ?> map) {
        map.forEach((key, value) -> {
          if (key instanceof String name) {
            fields.put(name, value);
          }
        });
      }
    } catch (YAMLException | IllegalArgumentException | ClassCastException e) {
      // the latter two where a tag such as !!int does not fit its value
      LOG.log(
          System.Logger.Level.WARNING,
          "{0}: the model card is not valid YAML and was left out: {1}",
          readme.get(),
          Printable.of(String.valueOf(e.getMessage()), LONGEST_REASON));
    }
    return new ModelCard(fields);
  }

  private static String frontMatter(Path readme) {
    List<String> lines = TextFile.readLikePython(readme).lines().toList();
    if (lines.isEmpty() || !lines.getFirst().equals("---")) {
      return "";
    }
    List<String> front = lines.stream().skip(1).takeWhile(line -> !line.equals("---")).toList();
    // Norwegian is no boolean, and tabs are no YAML: what gguf-py mends
    return (String.join("\n", front) + "\n").replace("- no\n", "- \"no\"\n").replace("\t", "  ");
  }

  /** The text of a field, the texts of a list with commas between. */
  Optional<String> text(String key) {
    Object value = fields.get(key);
    return value instanceof List<?> list
        ? Optional.of(String.join(",", list.stream().flatMap(e -> text(e).stream()).toList()))
        : text(value);
  }

  /** The texts of a field that holds one or several. */
  List<String> texts(String key) {
    return list(key).stream().flatMap(entry -> text(entry).stream()).toList();
  }

  /** The entries of a field that holds one or several. */
  List<?> list(String key) {
    Object value = fields.get(key);
    return value instanceof List<?> list ? list : value == null ? List.of() : List.of(value);
  }

  boolean has(String key) {
    return fields.containsKey(key);
  }

  /** A value as text; none for a collection, whose aliases may make it endless. */
  static Optional<String> text(@Nullable Object value) {
    return value == null || value instanceof Collection || value instanceof Map
        ? Optional.empty()
        : Optional.of(String.valueOf(value));
  }
}
