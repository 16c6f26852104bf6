package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Folder;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What a user writes for a model: a folder, a file, or {@code demo}. */
final class ModelArgument {
  static final String DESCRIPTION = "A folder with a checkpoint, a GGUF file, or demo.";

  private ModelArgument() {}

  static Checkpoint open(String model) {
    Checkpoint checkpoint = Sources.open(path(model));
    checkpoint.notes().forEach(note -> System.err.println("note: " + note));
    return checkpoint;
  }

  /**
   * @param original the folder of the checkpoint that the model was made from, if it is to lend
   *     configuration and tokenizer
   */
  static Checkpoint open(String model, Optional<String> original) {
    Checkpoint checkpoint = open(model);
    if (original.isEmpty()) {
      return checkpoint;
    }
    try {
      boolean tied = Families.describe(checkpoint).hyperparameters().tied();
      return checkpoint.beside(Folder.read(path(original.get())).tied(tied));
    } catch (Throwable e) {
      checkpoint.close();
      throw e;
    }
  }

  /** Adds to a result what was said of its models. */
  static ObjectNode withNotes(ObjectNode result, List<Checkpoint> checkpoints) {
    ArrayNode notes = result.putArray("notes");
    checkpoints.forEach(checkpoint -> checkpoint.notes().forEach(notes::add));
    return result;
  }

  /** The files that are read when a model is. */
  static List<Path> inputs(String model, Checkpoint checkpoint) {
    return Stream.concat(Stream.of(path(model)), checkpoint.files().stream()).toList();
  }

  static Path path(String model) {
    if (model.isBlank()) {
      throw new PhialException.Usage(
          "MODEL: expected a folder, a GGUF file or demo, found nothing");
    }
    return model.equals(Demo.NAME) ? Demo.folder() : Path.of(model);
  }
}
