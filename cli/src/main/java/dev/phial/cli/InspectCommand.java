package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.model.Hyperparameters;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import dev.phial.source.Gguf;
import dev.phial.source.GgufValue;
import dev.phial.target.Target;
import dev.phial.target.Targets;
import dev.phial.tensor.Tensor;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code phial inspect}: what is in a folder or file. Headers are read, weights are not. */
@Command(
    name = "inspect",
    description = "Shows family, hyperparameters, metadata and tensors of a model.",
    mixinStandardHelpOptions = true,
    sortOptions = false)
final class InspectCommand implements Callable<Integer> {
  private static final int LONGEST_VALUE = 100;

  @Parameters(index = "0", paramLabel = "PATH", description = ModelArgument.DESCRIPTION)
  private String model = "";

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    try (Checkpoint checkpoint = ModelArgument.open(model)) {
      Optional<ModelDescription> description = describe(checkpoint);
      Map<String, String> metadata = metadata(checkpoint);
      if (json) {
        System.out.println(json(checkpoint, description, metadata).toPrettyString());
      } else {
        print(checkpoint, description, metadata);
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
      if (checkpoint instanceof Gguf) {
        System.err.println("phial: " + e.getMessage());
        return Optional.empty();
      }
      throw e;
    }
  }

  private static Map<String, String> metadata(Checkpoint checkpoint) {
    Map<String, String> result = new LinkedHashMap<>();
    if (checkpoint instanceof Gguf gguf) {
      for (Map.Entry<String, GgufValue> entry : gguf.metadata().entrySet()) {
        result.put(entry.getKey(), entry.getValue().toString());
      }
    }
    return result;
  }

  private static long bytes(Checkpoint checkpoint) {
    return checkpoint.tensors().values().stream()
        .mapToLong(tensor -> tensor.data().byteSize())
        .sum();
  }

  private static long parameters(Checkpoint checkpoint) {
    return checkpoint.tensors().values().stream()
        .mapToLong(tensor -> tensor.shape().elements())
        .sum();
  }

  private static Map<String, Long> encodings(Checkpoint checkpoint) {
    return checkpoint.tensors().values().stream()
        .collect(
            Collectors.groupingBy(
                tensor -> tensor.encoding().name(), TreeMap::new, Collectors.counting()));
  }

  private static void print(
      Checkpoint checkpoint, Optional<ModelDescription> description, Map<String, String> metadata) {
    String family = description.map(d -> d.family().name()).orElse("not a Phi");
    System.out.printf(
        Locale.ROOT,
        "%s: %s, %s%n",
        checkpoint.name(),
        family,
        checkpoint instanceof Gguf ? "GGUF" : "Hugging Face folder");
    System.out.printf(
        Locale.ROOT,
        "%.2f M parameters, %s, %d tensors %s, %d file(s)%n",
        parameters(checkpoint) / 1e6,
        Sizes.of(bytes(checkpoint)),
        checkpoint.tensors().size(),
        encodings(checkpoint),
        checkpoint.files().size());
    description.ifPresent(d -> {
      hyperparameters(d.hyperparameters())
          .forEach((key, value) -> System.out.printf("  %-20s %s%n", key, value));
      for (Target target : Targets.ALL) {
        target
            .caveats(d)
            .forEach(caveat -> System.out.printf("as %s: %s%n", target.name(), caveat));
      }
    });
    if (!metadata.isEmpty()) {
      System.out.println("metadata");
      metadata.forEach((key, value) -> System.out.printf("  %-46s %s%n", key, shorten(value)));
    }
    System.out.println("tensors");
    for (Tensor tensor : checkpoint.tensors().values()) {
      System.out.printf(
          Locale.ROOT,
          "  %-52s %-18s %-8s %14d%n",
          tensor.name(),
          tensor.shape(),
          tensor.encoding().name(),
          tensor.data().byteSize());
    }
  }

  private static String shorten(String value) {
    String line = value.replace("\n", "\\n");
    return line.length() > LONGEST_VALUE ? line.substring(0, LONGEST_VALUE) + "…" : line;
  }

  private static Map<String, Object> hyperparameters(Hyperparameters h) {
    Map<String, Object> values = new LinkedHashMap<>();
    values.put("layers", h.layers());
    values.put("hidden", h.hidden());
    values.put("feed forward", h.feedForward());
    values.put("heads", h.heads());
    values.put("key-value heads", h.keyValueHeads());
    values.put("vocabulary", h.vocabulary());
    values.put("context", h.context());
    values.put("original context", h.originalContext());
    values.put("rope theta", h.ropeTheta());
    values.put("rope dimensions", h.ropeDimensions());
    values.put("rope factors", h.longRope().isPresent() ? "LongRoPE" : "none");
    values.put("norm epsilon", h.normEpsilon());
    h.slidingWindow().ifPresent(window -> values.put("sliding window", window));
    if (h.experts() > 0) {
      values.put("experts", h.experts());
      values.put("experts used", h.expertsUsed());
    }
    values.put("tied embeddings", h.tied());
    return values;
  }

  private static ObjectNode json(
      Checkpoint checkpoint, Optional<ModelDescription> description, Map<String, String> metadata) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result
        .put("name", checkpoint.name())
        .put("kind", checkpoint instanceof Gguf ? "gguf" : "huggingface");
    description.ifPresent(d -> {
      result.put("family", d.family().name());
      ObjectNode numbers = result.putObject("hyperparameters");
      hyperparameters(d.hyperparameters())
          .forEach((key, value) -> numbers.putPOJO(key.replaceAll("[ -]", "_"), value));
      ObjectNode caveats = result.putObject("caveats");
      for (Target target : Targets.ALL) {
        ArrayNode lines = caveats.putArray(target.name());
        target.caveats(d).forEach(lines::add);
      }
    });
    result.put("parameters", parameters(checkpoint)).put("bytes", bytes(checkpoint));
    ArrayNode files = result.putArray("files");
    checkpoint.files().forEach(file -> files.add(file.toString()));
    ObjectNode keys = result.putObject("metadata");
    metadata.forEach(keys::put);
    ArrayNode tensors = result.putArray("tensors");
    for (Tensor tensor : checkpoint.tensors().values()) {
      ObjectNode entry = tensors.addObject();
      entry.put("name", tensor.name());
      ArrayNode shape = entry.putArray("shape");
      tensor.shape().dimensions().forEach(shape::add);
      entry.put("type", tensor.encoding().name()).put("bytes", tensor.data().byteSize());
    }
    return result;
  }
}
