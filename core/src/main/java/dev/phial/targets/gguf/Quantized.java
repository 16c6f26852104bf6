package dev.phial.targets.gguf;

import dev.phial.PhialException;
import dev.phial.choose.Importance;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.plan.Mixture;
import dev.phial.plan.PlannedTensor;
import dev.phial.plan.Recipe;
import dev.phial.quant.GgmlFormat;
import dev.phial.source.GgufValue;
import dev.phial.source.ImportanceMatrix;
import dev.phial.targets.Request;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/** What llama-quantize makes of a {@link Converted} model ({@code llama_model_quantize_impl}). */
final class Quantized {
  private final Request request;
  private final Converted converted;
  private final Recipe recipe;
  private final boolean copies;
  private final GgufOptions options;
  private final Optional<ImportanceMatrix> importance;

  Quantized(
      Request request, Converted converted, Recipe recipe, boolean copies, GgufOptions options) {
    this.request = request;
    this.converted = converted;
    this.recipe = recipe;
    this.copies = copies;
    this.options = options;
    this.importance = options.importance();
  }

  GgufFiles files() {
    List<Integer> pruned = options.prunedLayers();
    Map<Integer, Integer> layers = renumber(pruned);
    Mixture mixture =
        new Mixture(
            recipe,
            options.wishes(),
            converted.hyperparameters(),
            importance.isPresent(),
            kept(layers));
    boolean keepsSplit = keepsSplit();
    List<PlannedTensor> tensors = new ArrayList<>();
    for (PlannedTensor tensor : keepsSplit ? converted.tensors() : converted.inLoadingOrder()) {
      Weight weight = tensor.weight();
      if (!layers.containsKey(weight.layer())) {
        continue;
      }
      int layer = layers.get(weight.layer());
      String name = weight.name().gguf(layer, weight.part());
      GgmlFormat current = (GgmlFormat) tensor.format();
      if (request.keeps()) {
        tensors.add(new CarriedTypes(recipe).plan(name, weight, current));
      } else {
        GgmlFormat format = copies ? current : mixture.choose(name, layer, weight, current);
        check(name, weight, current, format, mixture);
        tensors.add(PlannedTensor.of(name, weight, format));
      }
    }
    Map<String, GgufValue> metadata = metadata(pruned, layers);
    List<GgufLayout> layouts =
        keepsSplit
            ? Splitter.keep(metadata, tensors, request.checkpoint().files())
            : Splitter.split(metadata, tensors, options);
    return new GgufFiles(copies ? "COPY" : recipe.name(), layouts, importance());
  }

  private Importance importance() {
    return (weight, matrix) ->
        importance
            .flatMap(file -> Optional.ofNullable(file.weights().get(weight.ggufName())))
            .map(all -> ofMatrix(all, matrix, Math.toIntExact(weight.shape().columns())));
  }

  /** Its part of what is known of a stack. */
  private static float[] ofMatrix(float[] all, int matrix, int columns) {
    return all.length == columns
        ? all
        : Arrays.copyOfRange(all, matrix * columns, (matrix + 1) * columns);
  }

  private boolean keepsSplit() {
    if (!options.has("keep-split")) {
      return false;
    }
    if (request.checkpoint().gguf().isEmpty()
        || options.splitBytes().isPresent()
        || options.splitTensors().isPresent()) {
      throw new PhialException.Usage(
          "--keep-split is for a GGUF model in several files, without --split-max-size or --split-max-tensors");
    }
    return request.checkpoint().files().size() > 1;
  }

  private List<Weight> kept(Map<Integer, Integer> layers) {
    return converted.tensors().stream()
        .map(PlannedTensor::weight)
        .filter(weight -> layers.containsKey(weight.layer()))
        .toList();
  }

  /** Layers that stay, to their new numbers; -1 stands for what lies outside the layers. */
  private Map<Integer, Integer> renumber(List<Integer> pruned) {
    int count = converted.hyperparameters().layers();
    if (!pruned.isEmpty() && pruned.getLast() >= count) {
      throw new PhialException.Usage(
          "--prune-layers: expected layers below %d, found %d".formatted(count, pruned.getLast()));
    }
    Map<Integer, Integer> layers = new TreeMap<>();
    layers.put(-1, -1);
    int next = 0;
    for (int layer = 0; layer < count; layer++) {
      if (!pruned.contains(layer)) {
        layers.put(layer, next++);
      }
    }
    return layers;
  }

  private void check(
      String name, Weight weight, GgmlFormat current, GgmlFormat format, Mixture mixture) {
    Optional<float[]> entry =
        importance.flatMap(matrix -> Optional.ofNullable(matrix.weights().get(weight.ggufName())));
    boolean needsImportance =
        mixture.requiresImportance(weight, format) && Mixture.isQuantizable(weight)
            || format.needsImportance() && current != format;
    if (needsImportance && entry.isEmpty()) {
      throw importance.isEmpty()
          ? new PhialException.Unsupported(
              "%s needs an importance matrix: %s would become %s, garbage without one; phial calibrate makes one, and --imatrix FILE takes it"
                  .formatted(recipe, name, format),
              "needs --imatrix FILE, which phial calibrate makes")
          : new PhialException.Unsupported(
              "%s: expected an entry for %s in the importance matrix, found none; %s would be garbage without it"
                  .formatted(options.value("imatrix").orElse(""), name, format),
              "needs an entry for %s in the importance matrix".formatted(name));
    }
    if (current == format) {
      return;
    }
    long expected = weight.shape().elements() / weight.matrixRows();
    if (entry.isPresent()
        && entry.get().length != expected
        && weight.role() != Role.TOKEN_EMBEDDING) {
      throw new PhialException.BadInput(
          "%s: entry %s: expected %d values, found %d; it belongs to another model"
              .formatted(options.value("imatrix").orElse(""), name, expected, entry.get().length));
    }
    if (current.blockSize() > 1 && !options.has("allow-requantize")) {
      throw new PhialException.Unsupported(
          "%s: tensor %s is %s already; quantizing it again loses more than quantizing the original: use that, or pass --allow-requantize"
              .formatted(request.checkpoint().path(), name, current),
          "quantized already (--allow-requantize to do it again)");
    }
  }

  /** The metadata as llama-quantize leaves it: what it sets goes to the end. */
  private Map<String, GgufValue> metadata(List<Integer> pruned, Map<Integer, Integer> layers) {
    Map<String, GgufValue> values = new LinkedHashMap<>(converted.metadata());
    GgufValue oldType = values.getOrDefault("general.file_type", GgufValue.uint32(0));
    set(values, "general.quantization_version", GgufValue.uint32(2));
    set(values, "general.file_type", copies ? oldType : GgufValue.uint32(recipe.fileType()));
    List.of("split.no", "split.count", "split.tensors.count").forEach(values::remove);
    options.overrides().forEach((key, value) -> set(values, key, value));
    importance.ifPresent(matrix -> {
      set(values, "quantize.imatrix.file", text(options.value("imatrix").orElse("")));
      matrix.dataset().ifPresent(dataset -> set(values, "quantize.imatrix.dataset", text(dataset)));
      set(values, "quantize.imatrix.entries_count", GgufValue.uint32(matrix.weights().size()));
      if (matrix.chunks() > 0) {
        set(values, "quantize.imatrix.chunks_count", GgufValue.uint32(matrix.chunks()));
      }
    });
    if (!pruned.isEmpty()) {
      String architecture = request.model().family().ggufArchitecture().orElseThrow();
      set(values, architecture + ".block_count", GgufValue.uint32(layers.size() - 1));
    }
    return values;
  }

  private static void set(Map<String, GgufValue> values, String key, GgufValue value) {
    values.remove(key);
    values.put(key, value);
  }

  /** llama-quantize keeps 127 bytes. */
  private static GgufValue text(String value) {
    byte[] utf8 = value.getBytes(StandardCharsets.UTF_8);
    return new GgufValue.Text(
        new String(Arrays.copyOf(utf8, Math.min(127, utf8.length)), StandardCharsets.UTF_8));
  }
}
