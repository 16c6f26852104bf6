package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import dev.phial.model.Families;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import dev.phial.source.WeightFile;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import dev.phial.tensor.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial inspect}: what is in a folder or file. Headers are read, weights are not. */
@Command(
    name = "inspect",
    header = "Shows family, hyperparameters, metadata and tensors of a model.",
    description = "Only headers are read, so it is quick whatever the size of the model.",
    footer = "",
    customSynopsis = "phial inspect PATH [--json]",
    sortOptions = false)
final class InspectCommand implements Callable<Integer> {
  private static final int LONGEST_VALUE = 60;

  @Parameters(
      index = "0",
      paramLabel = "PATH",
      description =
          "A folder with a checkpoint, a GGUF file (of several, the first), demo, or a single safetensors or"
              + " PyTorch file.")
  private String model = "";

  @Mixin private ReadingOptions reading = new ReadingOptions();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  /** What was found. */
  private record Contents(
      String name,
      String kind,
      List<Path> files,
      Map<String, Tensor> tensors,
      Optional<ModelDescription> description,
      Map<String, GgufValue> metadata,
      List<String> notes) {
    long bytes() {
      return tensors.values().stream().mapToLong(Tensor::storedBytes).sum();
    }

    long parameters() {
      return tensors.values().stream().mapToLong(tensor -> tensor.shape().elements()).sum();
    }

    Map<String, Long> encodings() {
      return tensors.values().stream()
          .collect(
              Collectors.groupingBy(
                  tensor -> tensor.encoding().name(), TreeMap::new, Collectors.counting()));
    }
  }

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    if (WeightFile.isAt(Path.of(model))) {
      try (WeightFile file = WeightFile.open(Path.of(model))) {
        show(
            stopwatch,
            new Contents(
                String.valueOf(file.path().getFileName()),
                file.kind(),
                List.of(file.path()),
                file.tensors(),
                Optional.empty(),
                Map.of(),
                List.of()));
      }
    } else {
      try (Checkpoint checkpoint =
          ModelArgument.open(model, ModelArgument.Weights.ARRIVING, reading, Optional.empty())) {
        show(
            stopwatch,
            new Contents(
                checkpoint.name(),
                checkpoint.kind(),
                checkpoint.files(),
                checkpoint.tensors(),
                describe(checkpoint),
                checkpoint.gguf().map(Gguf::metadata).orElse(Map.of()),
                checkpoint.notes()));
      }
    }
    System.err.println(stopwatch);
    return Main.DONE;
  }

  /** Of a GGUF file that holds no Phi model, at least what it holds is shown. */
  private static Optional<ModelDescription> describe(Checkpoint checkpoint) {
    try {
      return Optional.of(Families.describe(checkpoint));
    } catch (PhialException e) {
      if (checkpoint.gguf().isPresent()) {
        System.err.println("phial: " + e.getMessage());
        return Optional.empty();
      }
      throw e;
    }
  }

  private void show(Stopwatch stopwatch, Contents contents) {
    if (json) {
      JsonResult.print(json(contents), stopwatch);
    } else {
      print(contents);
    }
  }

  private static void print(Contents contents) {
    int files = contents.files.size();
    System.out.printf(
        Locale.ROOT,
        "%s: %s%s, %.2f M parameters, %s in %d tensors (%s), %.2f bits per weight%s%n",
        contents.name,
        contents.description.map(d -> d.family().name() + " in ").orElse(""),
        kindInWords(contents.kind),
        contents.parameters() / 1e6,
        Sizes.of(contents.bytes()),
        contents.tensors.size(),
        PlanPrinter.counts(contents.encodings()),
        8.0 * contents.bytes() / contents.parameters(),
        files > 1 ? " in %d files".formatted(files) : "");
    contents.description.ifPresent(description -> {
      System.out.println();
      Table table = new Table("ll");
      hyperparameters(description).forEach(table::row);
      table.print(System.out);
      for (Target target : Targets.ALL) {
        target
            .caveats(description.text())
            .forEach(caveat -> System.out.printf("As %s: %s.%n", target.name(), caveat));
      }
    });
    if (!contents.metadata.isEmpty()) {
      System.out.println();
      Table table = new Table("ll").row("metadata", "value");
      contents.metadata.forEach((key, value) -> table.row(key, shorten(value.toString())));
      table.print(System.out);
    }
    System.out.println();
    Table table = new Table("lllr").row("tensor", "shape", "type", "bytes");
    for (Tensor tensor : contents.tensors.values()) {
      table.row(
          tensor.name(),
          tensor.shape(),
          tensor.encoding().name(),
          Sizes.exactly(tensor.storedBytes()));
    }
    table.print(System.out);
  }

  private static String kindInWords(String kind) {
    return switch (kind) {
      case "mlx" -> "an MLX folder";
      case "onnx" -> "a folder for ONNX Runtime GenAI";
      case "openvino" -> "a folder for OpenVINO";
      case "litert" -> "a folder for LiteRT";
      case "gguf" -> "GGUF";
      case "huggingface" -> "a Hugging Face folder";
      default -> "a " + kind + " file";
    };
  }

  private static String shorten(String value) {
    return value.length() > LONGEST_VALUE ? value.substring(0, LONGEST_VALUE) + "…" : value;
  }

  private static Map<String, Object> hyperparameters(ModelDescription description) {
    Hyperparameters h = description.hyperparameters();
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("layers", h.layers());
    values.put("hidden", h.hidden());
    values.put("feed forward", h.feedForward());
    values.put("heads", h.attention().heads());
    values.put("key-value heads", h.attention().keyValueHeads());
    values.put("vocabulary", h.vocabulary());
    values.put("context", h.context());
    values.put("original context", h.rope().originalContext());
    values.put("rope theta", (float) h.rope().theta()); // GGUF holds it in single precision
    values.put("rope dimensions", h.rope().dimensions());
    values.put("rope factors", h.rope().longRope().isPresent() ? "LongRoPE" : "none");
    values.put("norm epsilon", (float) h.normEpsilon());
    h.attention().slidingWindow().ifPresent(window -> values.put("sliding window", window));
    if (h.experts().count() > 0) {
      values.put("experts", h.experts().count());
      values.put("experts used", h.experts().used());
    }
    values.put("tied embeddings", h.tied());
    if (!description.activations().isEmpty()) {
      values.put("rounded activations", description.activations().toString());
    }
    return values;
  }

  private static ObjectNode json(Contents contents) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("name", contents.name).put("kind", contents.kind);
    contents.description.ifPresent(description -> {
      result.put("family", description.family().name());
      ObjectNode numbers = result.putObject("hyperparameters");
      hyperparameters(description)
          .forEach((key, value) -> numbers.putPOJO(key.replaceAll("[ -]", "_"), value));
      ObjectNode caveats = result.putObject("caveats");
      for (Target target : Targets.ALL) {
        ArrayNode lines = caveats.putArray(target.name());
        target.caveats(description.text()).forEach(lines::add);
      }
    });
    ArrayNode notes = result.putArray("notes");
    contents.notes.forEach(notes::add);
    result.put("parameters", contents.parameters()).put("bytes", contents.bytes());
    result.put("bits_per_weight", 8.0 * contents.bytes() / contents.parameters());
    ArrayNode files = result.putArray("files");
    contents.files.forEach(file -> files.add(file.toString()));
    ObjectNode metadata = result.putObject("metadata");
    contents.metadata.forEach((key, value) -> put(metadata, key, value));
    ArrayNode tensors = result.putArray("tensors");
    for (Tensor tensor : contents.tensors.values()) {
      ObjectNode entry = tensors.addObject();
      entry.put("name", tensor.name());
      ArrayNode shape = entry.putArray("shape");
      tensor.shape().dimensions().forEach(shape::add);
      entry.put("type", tensor.encoding().name()).put("bytes", tensor.storedBytes());
    }
    return result;
  }

  /** Numbers as numbers; of an array, what it holds. */
  private static void put(ObjectNode to, String key, GgufValue value) {
    switch (value) {
      case GgufValue.Flag flag -> to.put(key, flag.value());
      case GgufValue.Whole whole -> to.put(key, new java.math.BigInteger(whole.toString()));
      case GgufValue.Real real when Double.isFinite(real.value()) ->
          to.put(key, new java.math.BigDecimal(real.toString()));
      default -> to.put(key, value.toString());
    }
  }
}
