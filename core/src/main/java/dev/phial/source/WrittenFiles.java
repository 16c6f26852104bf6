package dev.phial.source;

import dev.phial.io.Json;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/** How large a model is on disk. */
final class WrittenFiles {
  private static final String MANIFEST = "phial.json";

  private WrittenFiles() {}

  /**
   * Bytes of all files of an output of Phial, as its manifest names them; of anything else, of the
   * files that hold weights.
   */
  static long bytes(Checkpoint checkpoint) {
    Set<Path> files = new HashSet<>(checkpoint.files());
    Path manifest = checkpoint.path().resolve(MANIFEST);
    if (Files.isRegularFile(manifest)) {
      files.add(manifest);
      for (String name : names(manifest)) {
        Path file = checkpoint.path().resolve(name);
        if (Files.isRegularFile(file)) {
          files.add(file);
        }
      }
    }
    return files.stream().mapToLong(Sources::size).sum();
  }

  /** Plain names alone: a size is nothing to leave the folder for. */
  private static Iterable<String> names(Path manifest) {
    try {
      JsonNode json = Json.MAPPER.readTree(TextFile.read(manifest));
      return json.path("files").propertyNames().stream()
          .filter(name -> name.matches("[\\w.-]+"))
          .toList();
    } catch (JacksonException e) {
      throw Json.malformed(manifest, e);
    }
  }
}
