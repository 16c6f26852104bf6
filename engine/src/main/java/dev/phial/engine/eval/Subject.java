package dev.phial.engine.eval;

import dev.phial.engine.convert.Order;
import dev.phial.engine.run.Model;
import dev.phial.model.ModelDescription;
import dev.phial.model.Weight;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Recipe;
import dev.phial.quant.activation.RoundedActivations;
import dev.phial.source.Checkpoint;
import dev.phial.source.Sources;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;

/**
 * A model that is evaluated.
 *
 * @param name what the user called it
 * @param checkpoint that it is, or was quantized from
 * @param order by which it was quantized in memory, if it was
 * @param type what most of its weights are stored in, or the recipe
 * @param runtime that it was made for: the name of a target, or of a kind of checkpoint
 * @param bytes of its files
 * @param weightBytes of its weights alone
 */
public record Subject(
    String name,
    Checkpoint checkpoint,
    Optional<Order> order,
    String type,
    String runtime,
    long bytes,
    long weightBytes,
    Model model) {

  /** A model in files. */
  public static Subject of(String name, Checkpoint checkpoint, ModelDescription description) {
    return new Subject(
        name,
        checkpoint,
        Optional.empty(),
        type(checkpoint, description),
        checkpoint.kind(),
        Sources.size(checkpoint),
        description.weights().stream().mapToLong(Weight::storedBytes).sum(),
        Model.of(description));
  }

  static Subject of(Quantized quantized) {
    Plan plan = quantized.sink().plan();
    return new Subject(
        quantized.name(),
        quantized.order().request().checkpoint(),
        Optional.of(quantized.order()),
        plan.precision(),
        plan.target(),
        plan.bytes(),
        plan.tensors().stream()
            .filter(tensor -> tensor.role().isOfText()) // which is what runs here
            .mapToLong(PlannedTensor::storedBytes)
            .sum(),
        Model.of(quantized.sink().description()));
  }

  /** Where it lies; nowhere if it was quantized in memory. */
  public Optional<Path> path() {
    return order.isPresent() ? Optional.empty() : Optional.of(checkpoint.path());
  }

  /** What the file says, or what holds most weights. */
  private static String type(Checkpoint checkpoint, ModelDescription description) {
    Optional<Recipe> recipe =
        checkpoint
            .gguf()
            .flatMap(gguf ->
                Arrays.stream(Recipe.values())
                    .filter(r -> gguf.whole("general.file_type").orElse(-1) == r.fileType())
                    .findFirst());
    return recipe
        .map(Recipe::name)
        .orElseGet(() ->
            description.weights().stream()
                .collect(
                    Collectors.groupingBy(
                        weight -> weight.encoding().name(),
                        Collectors.summingLong(weight -> weight.shape().elements())))
                .entrySet()
                .stream()
                .max(Comparator.comparing(Map.Entry<String, Long>::getValue))
                .map(Map.Entry::getKey)
                .orElse(""));
  }

  /** A short name: without folders, and without what all files are called. */
  public String label() {
    Path last = order.isEmpty() ? Path.of(name).getFileName() : null;
    return last == null ? name : last.toString().replaceFirst("\\.gguf$", "");
  }

  /** What it rounds on the way. */
  public RoundedActivations activations() {
    return model.description().activations();
  }

  /** Of the weights alone. */
  public double bitsPerWeight() {
    return 8.0 * weightBytes / model.description().parameters();
  }

  /** What a runtime takes to run it: weights and a cache in half precision. */
  public long memoryBytes(int context) {
    return weightBytes + model.hyperparameters().cacheBytes(context);
  }
}
