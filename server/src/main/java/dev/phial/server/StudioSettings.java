package dev.phial.server;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What the page may reach.
 *
 * @param folders with models; what is made goes into the first one
 * @param models others, by their names
 */
public record StudioSettings(List<Path> folders, Map<String, Path> models) {
  /** For a server that only answers. */
  public static final StudioSettings NONE = new StudioSettings(List.of(), Map.of());

  public StudioSettings {
    folders = List.copyOf(folders);
    models = Map.copyOf(models);
  }
}
