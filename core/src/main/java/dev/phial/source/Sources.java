package dev.phial.source;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.LfsPointer;
import java.io.IOException;
import java.lang.foreign.Arena;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import tools.jackson.databind.JsonNode;

/** Opens whatever lies at a path. */
public final class Sources {
  /** Every layout that is read; where several are in one folder, the first of them counts. */
  static final List<Source> ALL =
      List.of(
          new GgufFile(),
          new OnnxFolder(),
          new OpenvinoFolder(),
          new LitertFolder(),
          new MlxFolder(),
          new HubFolder());

  private static final Pattern HUB_ID = Pattern.compile("[\\w.-]+/[\\w.-]+");

  private Sources() {}

  /**
   * @throws PhialException.BadInput if nothing is there, or nothing that holds a model
   */
  public static Checkpoint open(Path path) {
    Source source =
        ALL.stream().filter(s -> s.isAt(path)).findFirst().orElseThrow(() -> missing(path));
    Arena arena = Arena.ofShared();
    try {
      Checkpoint checkpoint = source.read(path, arena);
      return checkpoint.noting(checkpoint.folder().flatMap(Sources::note).stream().toList());
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /**
   * Opens a folder in the layout of the hub whose weight files are only begun: the header of each
   * is here, and the rest comes when it is read.
   *
   * @throws PhialException.BadInput if it holds no model
   * @throws PhialException.Unsupported if its weights cannot be read so
   */
  public static Checkpoint open(Path folder, Arrivals arrivals) {
    Arena arena = Arena.ofShared();
    try {
      Checkpoint checkpoint = new HubFolder().read(folder, arena, Optional.of(arrivals));
      return checkpoint.noting(checkpoint.folder().flatMap(Sources::note).stream().toList());
    } catch (Throwable e) {
      arena.close();
      throw e;
    }
  }

  /** Whatever the model is converted to, its runtime fails when such a token occurs. */
  private static Optional<String> note(Folder folder) {
    JsonNode rows = folder.config().json().path("vocab_size");
    return rows.isInt() ? AddedTokens.of(folder).beyond(rows.intValue()) : Optional.empty();
  }

  /**
   * Bytes of a model on disk: of all files of an output of Phial, of anything else of the files
   * that hold weights.
   */
  public static long size(Checkpoint checkpoint) {
    return WrittenFiles.bytes(checkpoint);
  }

  /** Bytes of a file of a model. */
  public static long size(Path file) {
    try {
      return Files.size(file);
    } catch (IOException e) {
      throw Json.unreadable(file, e);
    }
  }

  private static void refusePointer(Path path) {
    try {
      LfsPointer.refuse(path);
    } catch (IOException e) {
      throw Json.unreadable(path, e);
    }
  }

  private static PhialException missing(Path path) {
    if (Adapter.isIn(path)) {
      return Adapter.instead(path);
    }
    if (Files.isDirectory(path)) {
      return new PhialException.BadInput(
          path
              + ": expected a folder with a config.json or genai_config.json, found neither; pass the folder of one checkpoint");
    }
    if (Files.exists(path)) {
      refusePointer(path);
      return new PhialException.BadInput(
          path
              + ": expected a GGUF file or the folder of a checkpoint, found neither; of a safetensors or .bin file, pass the folder");
    }
    String name = path.toString();
    if (HUB_ID.matcher(name).matches()) {
      return new PhialException.BadInput(
          "%s is not a folder here; if it is a model of the Hugging Face hub, write hf:%s"
              .formatted(name, name));
    }
    return new PhialException.BadInput(
        path
            + ": there is no such file or folder; expected the folder of a checkpoint, a GGUF file, or demo");
  }
}
