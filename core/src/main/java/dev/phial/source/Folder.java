package dev.phial.source;

import dev.phial.io.Json;
import dev.phial.io.LfsPointer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import tools.jackson.core.JacksonException;
import tools.jackson.core.JsonParser;
import tools.jackson.databind.node.ObjectNode;

/** The files beside the weights of a checkpoint: config.json, the tokenizer's, code. */
public final class Folder {
  private static final String CONFIG = "config.json";

  /** Fields of config.json that say how weights were quantized. */
  public static final List<String> QUANTIZATION =
      List.of("quantization", "quantization_config", "compression_config");

  static final String GENERATION = "generation_config.json";

  private static final Pattern COMPANION =
      Pattern.compile(
          "tokenizer\\.(json|model)|(tokenizer|generation)_config\\.json|(special_tokens_map|added_tokens|vocab)\\.json|merges\\.txt|chat_template\\.(json|jinja)|.*\\.(tiktoken|py)");

  private final Path path;
  private final Config config;
  private final Map<String, Config> described; // what follows from other files
  private final Optional<String> name; // if it is not its own

  private Folder(Path path, Config config, Map<String, Config> described, Optional<String> name) {
    this.path = path;
    this.config = config;
    this.described = Map.copyOf(described);
    this.name = name;
  }

  /**
   * @throws dev.phial.PhialException.BadInput if it has no config.json
   */
  public static Folder read(Path path) {
    return of(path, Config.read(path.resolve(CONFIG)));
  }

  /**
   * @param config what config.json says or, if there is none, would say
   */
  static Folder of(Path path, Config config) {
    return new Folder(path, config, Map.of(), Optional.empty());
  }

  /** This folder as if it held a JSON file, which follows from others; one that is there counts. */
  Folder with(String name, Config content) {
    Map<String, Config> more = new HashMap<>(described);
    more.put(name, content);
    return new Folder(path, config, more, this.name);
  }

  /** This folder with a config.json that says whether there is one matrix for input and output. */
  public Folder tied(boolean tied) {
    return config.flag("tie_word_embeddings", !tied) == tied
        ? this
        : with(config.with("tie_word_embeddings", tied));
  }

  /** This folder with another config.json. */
  Folder with(Config other) {
    return new Folder(path, other, described, name);
  }

  /** This folder under another name, such as that of a model of which it is a snapshot. */
  Folder named(String other) {
    return new Folder(path, config, described, Optional.of(other));
  }

  public Path path() {
    return path;
  }

  /**
   * The name of the folder; for {@code snapshots/HASH} in a hub cache that is the hash, which is
   * what converters use, unless the model was asked for by its name on the hub.
   */
  public String name() {
    return name.orElseGet(() -> nameOf(path));
  }

  /** The name of a folder, wherever a link to it lies. */
  static String nameOf(Path path) {
    try {
      Path last = path.toRealPath().getFileName();
      return last == null ? "model" : last.toString(); // the root of a disk has no name
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    }
  }

  public Config config() {
    return config;
  }

  /** config.json without what it says about how weights were quantized here. */
  public ObjectNode plainConfig() {
    ObjectNode json = (ObjectNode) config.json().deepCopy();
    json.remove(QUANTIZATION);
    return json;
  }

  /** The type of the weights by its name in transformers, if config.json tells it. */
  public Optional<String> dtype() {
    return config.text("torch_dtype").or(() -> config.text("dtype")); // transformers 5
  }

  /** A file, if it is there. */
  public Optional<Path> file(String name) {
    Path file = path.resolve(name);
    return Files.isRegularFile(file) ? Optional.of(Links.checked(path, file)) : Optional.empty();
  }

  /** A JSON file, if it is there. */
  public Optional<Config> json(String name) {
    return file(name).map(Config::read).or(() -> Optional.ofNullable(described.get(name)));
  }

  /** What lies beside weights and configuration and goes with them: the tokenizer, code. */
  public List<Path> companions() {
    try (Stream<Path> found = Files.list(path)) {
      return found
          .filter(file -> COMPANION.matcher(file.getFileName().toString()).matches())
          .filter(Files::isRegularFile)
          .map(file -> checked(Links.checked(path, file)))
          .sorted()
          .toList();
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    }
  }

  /** A file is copied unread, so it must at least be one: not cut off, and no pointer to one. */
  private static Path checked(Path file) {
    String name = file.getFileName().toString();
    if (name.endsWith(".json")) {
      try (InputStream in = Json.open(file);
          JsonParser parser = Json.MAPPER.createParser(in)) {
        if (parser.nextToken() == null) {
          throw Refusal.bad(file, "expected JSON, found an empty file; download it again");
        }
        do {
          parser.skipChildren();
        } while (parser.nextToken() != null);
      } catch (JacksonException e) {
        throw Json.malformed(file, e);
      } catch (IOException e) {
        throw Json.unreadable(file, e);
      }
    } else {
      refusePointer(file);
    }
    return file;
  }

  private static void refusePointer(Path file) {
    try {
      LfsPointer.refuse(file);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }
}
