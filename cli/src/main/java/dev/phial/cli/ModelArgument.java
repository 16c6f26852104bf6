package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.hub.HubId;
import dev.phial.engine.work.Workers;
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

/** What a user writes for a model: a folder, a file, a name on the hub, or {@code demo}. */
final class ModelArgument {
  static final String DESCRIPTION =
      "A folder with a checkpoint, a GGUF file, a model of the Hugging Face hub such as microsoft/phi-4, or demo.";

  private ModelArgument() {}

  /** What a command does with the weights. */
  enum Weights {
    ALL,
    /** Reads them once, as they come; or hardly. */
    ARRIVING
  }

  static Checkpoint open(String model) {
    return open(model, Optional.empty());
  }

  /**
   * @param workers whose file systems the model may lie in
   */
  static Checkpoint open(String model, Optional<Workers> workers) {
    return open(model, Weights.ALL, new ReadingOptions(), workers);
  }

  static Checkpoint open(
      String model, Weights weights, ReadingOptions reading, Optional<Workers> workers) {
    Optional<HubId> id = hub(model);
    Checkpoint checkpoint = plain(model, id, weights, workers);
    if (id.isPresent() && id.get().path().isEmpty() && checkpoint.folder().isPresent()) {
      checkpoint = checkpoint.named(id.get().name());
    }
    checkpoint.notes().forEach(note -> System.err.println("note: " + note));
    try {
      return reading.apply(checkpoint, workers);
    } catch (Throwable e) {
      checkpoint.close();
      throw e;
    }
  }

  private static Checkpoint plain(
      String model, Optional<HubId> id, Weights weights, Optional<Workers> workers) {
    if (id.isPresent() && weights == Weights.ARRIVING) {
      return HubModels.stream(id.get());
    }
    return id.isEmpty() && workers.isPresent() && Workers.isTheirs(model)
        ? workers.get().open(model)
        : Sources.open(path(model));
  }

  /**
   * @param original the folder of the checkpoint that the model was made from, if it is to lend
   *     configuration and tokenizer
   */
  static Checkpoint open(
      String model,
      Weights weights,
      ReadingOptions reading,
      Optional<Workers> workers,
      Optional<String> original) {
    Checkpoint checkpoint = open(model, weights, reading, workers);
    if (original.isEmpty()) {
      return checkpoint;
    }
    try {
      boolean tied = Families.describe(checkpoint).hyperparameters().tied();
      return checkpoint.beside(Folder.read(original(original.get())).tied(tied));
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
    Path path = checkpoint.arrivals().isPresent() ? checkpoint.path() : path(model);
    Stream<Path> adapters = checkpoint.adapters().stream().flatMap(a -> a.files().stream());
    return Stream.concat(Stream.concat(Stream.of(path), checkpoint.files().stream()), adapters)
        .toList();
  }

  private static Optional<HubId> hub(String model) {
    return model.equals(Demo.NAME) ? Optional.empty() : HubId.of(model);
  }

  /** The folder that lends configuration and tokenizer. */
  static Path original(String model) {
    return hub(model).map(HubModels::withoutWeights).orElseGet(() -> path(model));
  }

  private static Path here(String model) {
    if (Workers.isTheirs(model)) {
      throw new PhialException.Usage(
          "%s: expected a path; what lies in a file system of a cluster is read by phial spark quantize, batch, eval or calibrate"
              .formatted(model));
    }
    return Path.of(model);
  }

  static Path path(String model) {
    if (model.isBlank()) {
      throw new PhialException.Usage(
          "MODEL: expected a folder, a GGUF file, a model of the hub or demo, found nothing");
    }
    return model.equals(Demo.NAME)
        ? Demo.folder()
        : hub(model).map(HubModels::path).orElseGet(() -> here(model));
  }
}
