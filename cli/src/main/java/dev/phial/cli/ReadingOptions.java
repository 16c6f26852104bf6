package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.engine.work.Workers;
import dev.phial.model.Families;
import dev.phial.source.Checkpoint;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import picocli.CommandLine.Option;

/**
 * What a model is taken for, and low-rank adapters that are added to its weights as they are read.
 */
final class ReadingOptions {
  private static final String NONE = "none";
  private static final String VISION = "vision";
  private static final List<String> OWN = List.of(NONE, VISION, "speech");

  @Option(
      names = "--lora",
      paramLabel = "FOLDER",
      description =
          "Add the adapter (LoRA) that peft saved in this folder to the weights of MODEL, as they are read.")
  private Optional<Path> lora = Optional.empty();

  @Option(
      names = "--lora-scale",
      paramLabel = "S",
      description = "Multiply what --lora adds; 1 by default.")
  private Optional<Double> scale = Optional.empty();

  @Option(
      names = "--adapter",
      paramLabel = "none|vision|speech",
      description =
          "Add an adapter that came with MODEL, as with Phi-4-multimodal; vision by default if the model is shown an image, else none.")
  private Optional<String> adapter = Optional.empty();

  @Option(
      names = "--as",
      paramLabel = "FAMILY",
      description =
          "Read MODEL as a model of this family (phi3, for one), whatever its config.json calls it.")
  private Optional<String> family = Optional.empty();

  private boolean sees;

  /** The model will be shown images. */
  ReadingOptions seeing() {
    sees = true;
    return this;
  }

  /**
   * The checkpoint with all that was asked for; it is closed with either.
   *
   * @throws PhialException.Usage if the options make no sense
   */
  Checkpoint apply(Checkpoint checkpoint, Optional<Workers> workers) {
    return adapted(named(checkpoint, workers));
  }

  /**
   * The checkpoint as one of the family that was asked for.
   *
   * @param workers which read config.json themselves
   * @throws PhialException.Usage if there is no such family, or others would not know
   */
  Checkpoint named(Checkpoint checkpoint, Optional<Workers> workers) {
    if (family.isPresent() && workers.isPresent()) {
      throw new PhialException.Usage(
          "--as: expected a model whose config.json says what it is, as every machine reads that; write its architecture there");
    }
    return noted(checkpoint, family.map(name -> Families.as(checkpoint, name)).orElse(checkpoint));
  }

  /**
   * The checkpoint with the adapters that were asked for.
   *
   * @throws PhialException.Usage if the options make no sense
   */
  Checkpoint adapted(Checkpoint checkpoint) {
    check();
    String chosen = adapter.orElseGet(() -> sees && checkpoint.hasAdapter(VISION) ? VISION : NONE);
    Checkpoint own = chosen.equals(NONE) ? checkpoint : checkpoint.adapted(chosen);
    return noted(
        checkpoint, lora.map(folder -> own.adapted(folder, scale.orElse(1.0))).orElse(own));
  }

  private static Checkpoint noted(Checkpoint before, Checkpoint after) {
    after.notes().stream()
        .skip(before.notes().size())
        .forEach(note -> System.err.println("note: " + note));
    return after;
  }

  private void check() {
    if (!OWN.contains(adapter.orElse(NONE))) {
      throw new PhialException.Usage(
          "--adapter: expected one of %s, found %s; --lora names the folder of another"
              .formatted(String.join(", ", OWN), adapter.orElse(NONE)));
    }
    if (scale.isPresent() && (lora.isEmpty() || !Double.isFinite(scale.get()))) {
      throw new PhialException.Usage(
          lora.isEmpty()
              ? "--lora-scale is for --lora, which is missing"
              : "--lora-scale: expected a number, found " + scale.get());
    }
  }
}
