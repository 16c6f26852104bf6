package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A folder of the user's for files that can be made again at any time. */
public final class UserCache {
  private UserCache() {}

  /**
   * Copies files out of the jar, unless they are there already: into the cache, or where that
   * cannot be written into a temporary folder, which goes when the process ends.
   *
   * @param owner the class whose loader finds the resources
   * @param resources where the files are in the jar, with a slash at the end
   * @param folder the part of the cache that they belong in
   * @return the folder they are in
   * @throws PhialException.OutputFailed if neither can be written
   */
  public static Path unpack(Class<?> owner, String resources, List<String> names, String folder) {
    Path cache = folder(folder);
    try {
      unpackInto(cache, owner, resources, names);
      return cache;
    } catch (IOException | PhialException.OutputFailed e) {
      try {
        Path temporary = temporary(folder, names);
        unpackInto(temporary, owner, resources, names);
        return temporary;
      } catch (IOException | PhialException.OutputFailed again) {
        throw new PhialException.OutputFailed(
            "%s: expected a folder that can be written, found none (%s), nor one for temporary files (%s); set XDG_CACHE_HOME to one"
                .formatted(cache, e.getMessage(), System.getProperty("java.io.tmpdir")),
            e);
      }
    }
  }

  /** The part of the cache for some purpose, which need not exist. */
  public static Path folder(String purpose) {
    return root().resolve("phial").resolve(purpose);
  }

  private static void unpackInto(Path folder, Class<?> owner, String resources, List<String> names)
      throws IOException {
    for (String name : names) {
      unpack(owner, resources + name, folder.resolve(name).toAbsolutePath());
    }
  }

  private static void unpack(Class<?> owner, String resource, Path to) throws IOException {
    try (InputStream in = owner.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + resource);
      }
      if (Files.exists(to) && Files.size(to) == in.available()) {
        return;
      }
      AtomicFile.put(to, in.readAllBytes(), true);
    }
  }

  /** A new folder that nobody else can write: what is in it may be code. */
  private static Path temporary(String folder, List<String> names) throws IOException {
    Path top = Files.createTempDirectory("phial-");
    top.toFile().deleteOnExit(); // what is said first goes last
    Path inner = top;
    for (Path name : Path.of(folder)) {
      inner = inner.resolve(name);
      inner.toFile().deleteOnExit();
    }
    for (String name : names) {
      inner.resolve(name).toFile().deleteOnExit();
    }
    return inner;
  }

  private static Path root() {
    String xdg = System.getenv("XDG_CACHE_HOME");
    String local = System.getenv("LOCALAPPDATA");
    if (xdg != null && !xdg.isBlank()) {
      return Path.of(xdg);
    }
    if (local != null && !local.isBlank()) {
      return Path.of(local);
    }
    return Path.of(System.getProperty("user.home"), ".cache");
  }
}
