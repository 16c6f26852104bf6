package dev.phial.server;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;

/**
 * The models that lie in the folders that the server was given. A client names one as it is listed
 * here, so that no path ever comes from outside; a link that leads out of its folder is not listed.
 */
final class Library {
  private static final int DEPTH = 2;
  private static final int MOST = 500;

  /** What a folder with a model has in it, at the end of a name. */
  private static final List<String> SIGNS =
      List.of("config.json", ".safetensors", ".gguf", ".xml", ".onnx", ".litertlm", ".bin");

  private static final List<String> FILES = List.of(".gguf", ".litertlm");

  private final List<Path> folders;
  private final Map<String, Path> others;

  /**
   * @throws PhialException.BadInput if one of the folders is none
   */
  Library(StudioSettings settings) {
    this.folders = settings.folders().stream().map(Library::real).toList();
    this.others = new TreeMap<>(settings.models());
  }

  private static Path real(Path folder) {
    try {
      if (Files.isDirectory(folder)) {
        return folder.toRealPath();
      }
    } catch (IOException e) {
      throw new PhialException.BadInput(
          "%s cannot be read: %s".formatted(folder, e.getMessage()), e);
    }
    throw new PhialException.BadInput(folder + ": expected a folder with models, found none");
  }

  /**
   * A model, as far as can be told without reading it.
   *
   * @param path a folder or a file
   * @param bytes of all its files
   */
  record Entry(String name, Path path, long bytes) {
    boolean isFolder() {
      return Files.isDirectory(path);
    }
  }

  /** Where what is made goes, if anything can be made. */
  Optional<Path> outputs() {
    return folders.stream().findFirst();
  }

  /** All there are, by name. */
  List<Entry> entries() {
    Map<String, Entry> found = new LinkedHashMap<>();
    others.forEach((name, path) -> found.put(name, new Entry(name, path, bytes(path))));
    for (Path folder : folders) {
      try {
        look(folder, folder, DEPTH, found);
      } catch (IOException | UncheckedIOException e) {
        // it went away, or may not be read: then there is nothing in it
      }
    }
    return List.copyOf(found.values());
  }

  private static void look(Path root, Path folder, int depth, Map<String, Entry> found)
      throws IOException {
    for (Path path : list(folder)) {
      String name = root.relativize(path).toString().replace('\\', '/');
      boolean leaves = !path.toRealPath().startsWith(root);
      if (leaves || found.size() >= MOST || path.getFileName().toString().startsWith(".")) {
        continue;
      }
      boolean isFile = Files.isRegularFile(path) && hasEnd(path, FILES);
      if (isFile || Files.isDirectory(path) && isModel(path)) {
        found.putIfAbsent(name, new Entry(name, path, bytes(path)));
      } else if (depth > 1 && Files.isDirectory(path)) {
        look(root, path, depth - 1, found);
      }
    }
  }

  private static boolean isModel(Path folder) throws IOException {
    return list(folder).stream().anyMatch(file -> Files.isRegularFile(file) && hasEnd(file, SIGNS));
  }

  private static boolean hasEnd(Path file, List<String> ends) {
    String name = file.getFileName().toString().toLowerCase(Locale.ROOT);
    return ends.stream().anyMatch(name::endsWith);
  }

  private static List<Path> list(Path folder) throws IOException {
    try (Stream<Path> files = Files.list(folder)) {
      return files.sorted().limit(10_000).toList();
    }
  }

  /**
   * @throws ApiError if there is none of that name
   */
  Entry find(String name) {
    return entries().stream()
        .filter(entry -> entry.name().equals(name))
        .findFirst()
        .orElseThrow(() ->
            ApiError.refused(
                404, "model", "model_not_found", "there is no model %s here".formatted(name)));
  }

  /** The files of a model, without those that links lead to. */
  static List<Path> files(Path path) {
    if (!Files.isDirectory(path)) {
      return List.of(path);
    }
    List<Path> files = new ArrayList<>();
    try (Stream<Path> all = Files.walk(path, DEPTH + 1)) {
      all.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .sorted()
          .forEach(files::add);
    } catch (IOException | UncheckedIOException e) {
      throw new PhialException.BadInput("%s cannot be read: %s".formatted(path, e.getMessage()), e);
    }
    return files;
  }

  private static long bytes(Path path) {
    long bytes = 0;
    try {
      for (Path file : Files.isDirectory(path) ? list(path) : List.of(path)) {
        bytes += Files.isRegularFile(file) ? Files.size(file) : 0;
      }
    } catch (IOException e) {
      return 0; // it went away
    }
    return bytes;
  }
}
