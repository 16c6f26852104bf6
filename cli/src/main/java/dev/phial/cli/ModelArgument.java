package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import dev.phial.source.Folder;
import dev.phial.source.Sources;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/** What a user writes for a model: a folder, a file, or {@code demo}. */
final class ModelArgument {
  static final String DESCRIPTION = "A folder with a checkpoint, a GGUF file, or demo.";

  private ModelArgument() {}

  static Checkpoint open(String model) {
    return Sources.open(path(model));
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

  /** Whether both are there and the same file. */
  static boolean isSame(Path a, Path b) {
    try {
      return Files.exists(a) && Files.exists(b) && Files.isSameFile(a, b);
    } catch (IOException e) {
      return false;
    }
  }

  static Path path(String model) {
    if (model.isBlank()) {
      throw new PhialException.Usage(
          "MODEL: expected a folder, a GGUF file or demo, found nothing");
    }
    return model.equals(Demo.NAME) ? Demo.folder() : Path.of(model);
  }
}
