package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** The bundled model: a Phi-3 of 5 million parameters that speaks Shakespeare. */
final class Demo {
  static final String NAME = "demo";

  /** The folder's name is part of the metadata of what is made from it. */
  private static final String FOLDER = "tiny-phi3";

  private static final List<String> FILES =
      List.of(
          "added_tokens.json",
          "config.json",
          "generation_config.json",
          "model.safetensors",
          "special_tokens_map.json",
          "tokenizer.json",
          "tokenizer.model",
          "tokenizer_config.json");

  private Demo() {}

  /** The folder it is unpacked in, a cache of the user's. */
  static Path folder() {
    Path folder = cache().resolve("phial").resolve("demo-1").resolve(FOLDER);
    for (String name : FILES) {
      unpack(name, folder.resolve(name));
    }
    return folder;
  }

  private static Path cache() {
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

  private static void unpack(String name, Path to) {
    String resource = "/demo/" + FOLDER + "/" + name;
    try (InputStream in = Demo.class.getResourceAsStream(resource)) {
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
          "the demo model cannot be unpacked: %s; set XDG_CACHE_HOME to a folder that can be written"
              .formatted(e.getMessage()),
          e);
    }
  }
}
