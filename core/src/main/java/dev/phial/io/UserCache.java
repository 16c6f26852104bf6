package dev.phial.io;

import dev.phial.PhialException;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;

/** A folder of the user's for files that can be made again at any time. */
public final class UserCache {
  private UserCache() {}

  /** The part of the cache that has a name; it may not exist yet. */
  public static Path folder(String name) {
    return root().resolve("phial").resolve(name);
  }

  /**
   * Copies a file out of the jar unless it is there already.
   *
   * @param owner the class that the resource lies beside, or whose loader finds it
   * @throws PhialException.OutputFailed if it cannot be written
   */
  public static void unpack(Class<?> owner, String resource, Path to) {
    try (InputStream in = owner.getResourceAsStream(resource)) {
      if (in == null) {
        throw new IllegalStateException("the jar lacks " + resource);
      }
      if (Files.exists(to) && Files.size(to) == in.available()) {
        return;
      }
      try (AtomicFile file = AtomicFile.create(to, true)) {
        file.write(ByteBuffer.wrap(in.readAllBytes()), 0);
        file.commit();
      }
    } catch (IOException | PhialException.OutputFailed e) {
      throw new PhialException.OutputFailed(
          "%s cannot be unpacked: %s; set XDG_CACHE_HOME to a folder that can be written"
              .formatted(to.getFileName(), e.getMessage()),
          e);
    }
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
