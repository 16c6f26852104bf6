package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.regex.Pattern;

/** Opens whatever lies at a path. */
public final class Sources {
  private static final Pattern HUB_ID = Pattern.compile("[\\w.-]+/[\\w.-]+");

  private Sources() {}

  /**
   * @throws PhialException.BadInput if nothing is there, or nothing that holds a model
   */
  public static Checkpoint open(Path path) {
    if (Files.isDirectory(path)) {
      if (HuggingFace.isAt(path)) {
        return HuggingFace.open(path);
      }
      throw new PhialException.BadInput(
          path
              + ": expected a folder with a config.json or genai_config.json, found neither; pass the folder of one checkpoint");
    }
    if (!Files.exists(path)) {
      throw missing(path);
    }
    if (Files.isRegularFile(path) && Gguf.recognizes(start(path))) {
      return Gguf.open(path);
    }
    throw new PhialException.BadInput(
        path
            + ": expected a GGUF file or the folder of a checkpoint, found neither; of a safetensors or .bin file, pass the folder");
  }

  /** Bytes of a file of a model. */
  public static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static byte[] start(Path file) {
    try (InputStream in = Files.newInputStream(file)) {
      return in.readNBytes(8);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static PhialException missing(Path path) {
    String name = path.toString();
    if (HUB_ID.matcher(name).matches()) {
      return new PhialException.BadInput(
          "%s is not a folder here. If it is a Hugging Face id, download it first: hf download %s --local-dir %s; then pass %s"
              .formatted(name, name, path.getFileName(), path.getFileName()));
    }
    return new PhialException.BadInput(
        path
            + ": there is no such file or folder; expected the folder of a checkpoint, a GGUF file, or demo");
  }
}
