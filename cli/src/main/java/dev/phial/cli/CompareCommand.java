package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.cli.Comparison.Verdict;
import dev.phial.io.Json;
import dev.phial.model.Families;
import dev.phial.model.Role;
import dev.phial.model.Weight;
import dev.phial.source.Checkpoint;
import dev.phial.source.GgufValue;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * {@code phial compare}: tensor by tensor, the same codes, the same values, or the error between
 * them.
 */
@Command(
    name = "compare",
    header = "Compares two models tensor by tensor, whatever their formats.",
    description =
        "Says of each tensor whether both hold the same codes, the same values, or how far they are apart: the root"
            + " mean square of the difference over that of A, and the largest difference.",
    footer = "",
    customSynopsis = {
      "phial compare A B [--exact] [--json]",
      "phial compare --manifest PATH [--json]"
    },
    sortOptions = false)
final class CompareCommand implements Callable<Integer> {
  @Parameters(
      index = "0",
      arity = "0..1",
      paramLabel = "A",
      description = ModelArgument.DESCRIPTION)
  private Optional<String> modelA = Optional.empty();

  @Parameters(
      index = "1",
      arity = "0..1",
      paramLabel = "B",
      description = "The same; errors are relative to A.")
  private Optional<String> modelB = Optional.empty();

  @Option(
      names = "--exact",
      description =
          "Fail unless every tensor has the same codes or, where it is not quantized, the same numbers.")
  private boolean exact;

  @Option(
      names = "--manifest",
      paramLabel = "PATH",
      description =
          "Compare an output with what its phial.json says instead: a folder, or a file with its manifest beside it.")
  private Optional<String> manifest = Optional.empty();

  @Option(names = "--json", description = "Print the result as JSON.")
  private boolean json;

  @Override
  public Integer call() {
    Stopwatch stopwatch = Stopwatch.start();
    if (manifest.isPresent()) {
      if (modelA.isPresent() || exact) {
        throw new PhialException.Usage("--manifest takes one output and no model beside it");
      }
      return check(ManifestCheck.of(Path.of(manifest.get())), stopwatch);
    }
    String a = modelA.orElseThrow(CompareCommand::incomplete);
    String b = modelB.orElseThrow(CompareCommand::incomplete);
    List<Comparison> comparisons;
    List<String> metadata;
    try (Checkpoint first = ModelArgument.open(a);
        Checkpoint second = ModelArgument.open(b)) {
      comparisons = compare(weights(first, second), weights(second, first));
      metadata = metadata(first, second);
      if (json) {
        JsonResult.print(
            ModelArgument.withNotes(
                json(comparisons, metadata).put("a", a).put("b", b), List.of(first, second)),
            stopwatch);
      } else {
        print(comparisons, metadata);
      }
    }
    System.err.println(stopwatch);
    if (exact && !comparisons.stream().allMatch(Comparison::isExact)) {
      return Failures.afterResult(
          "%s and %s: expected the same codes, found others".formatted(a, b));
    }
    return Main.DONE;
  }

  private static PhialException incomplete() {
    return new PhialException.Usage("compare: expected two models A and B, or --manifest PATH");
  }

  private Integer check(ManifestCheck check, Stopwatch stopwatch) {
    if (json) {
      ObjectNode result = Json.MAPPER.createObjectNode();
      result.put("manifest", check.manifest().toString()).put("same", check.isSame());
      ObjectNode files = result.putObject("files");
      check.files().forEach((name, finding) -> files.put(name, finding.word()));
      JsonResult.print(result, stopwatch);
    } else {
      Table table = new Table("ll");
      check.files().forEach((name, finding) -> table.row(name, finding.word()));
      table.print(System.out);
    }
    System.err.println(stopwatch);
    if (!check.isSame()) {
      return Failures.afterResult(
          "%s: expected the files that it lists, found others; write the output again, or find out who changed it"
              .formatted(check.manifest()));
    }
    return Main.DONE;
  }

  /**
   * By the names of GGUF, which formats of one model share; by those of the checkpoint where GGUF
   * has none. LongRoPE's factors are tensors in GGUF only.
   */
  private static Map<String, Weight> weights(Checkpoint checkpoint, Checkpoint other) {
    Map<String, Weight> weights = new LinkedHashMap<>();
    for (Weight weight : Families.describe(checkpoint).weights()) {
      if (other.gguf().isEmpty()
          && (weight.role() == Role.ROPE_FACTORS_LONG
              || weight.role() == Role.ROPE_FACTORS_SHORT)) {
        continue;
      }
      weights.put(
          weight.name().gguf().isEmpty() ? weight.slices().getFirst().name() : weight.ggufName(),
          weight);
    }
    return weights;
  }

  private static List<Comparison> compare(Map<String, Weight> a, Map<String, Weight> b) {
    List<Comparison> comparisons = new ArrayList<>();
    a.forEach((name, weight) -> {
      Weight other = b.get(name);
      comparisons.add(
          other == null ? Comparison.onlyInA(name, weight) : Comparison.of(name, weight, other));
    });
    b.forEach((name, weight) -> {
      if (!a.containsKey(name)) {
        comparisons.add(Comparison.onlyInB(name, weight));
      }
    });
    return comparisons;
  }

  /** Keys of two GGUF files that differ. */
  private static List<String> metadata(Checkpoint a, Checkpoint b) {
    if (a.gguf().isEmpty() || b.gguf().isEmpty()) {
      return List.of();
    }
    Map<String, GgufValue> first = a.gguf().get().metadata();
    Map<String, GgufValue> second = b.gguf().get().metadata();
    Set<String> keys = new LinkedHashSet<>(first.keySet());
    keys.addAll(second.keySet());
    return keys.stream().filter(key -> !isSame(first.get(key), second.get(key))).toList();
  }

  private static boolean isSame(@Nullable GgufValue a, @Nullable GgufValue b) {
    if (a instanceof GgufValue.Numbers x && b instanceof GgufValue.Numbers y) {
      return x.elementType() == y.elementType() && Arrays.equals(x.bytes(), y.bytes());
    }
    return a != null && a.equals(b);
  }

  private static Map<Verdict, Long> counts(List<Comparison> comparisons) {
    return comparisons.stream()
        .collect(
            Collectors.groupingBy(
                Comparison::verdict,
                () -> new java.util.EnumMap<>(Verdict.class),
                Collectors.counting()));
  }

  private static void print(List<Comparison> comparisons, List<String> metadata) {
    Table table =
        new Table("llllrr").row("tensor", "A", "B", "", "relative error", "largest difference");
    for (Comparison c : comparisons) {
      boolean isDifferent = c.verdict() == Verdict.DIFFERENT;
      table.row(
          c.name(),
          c.typeA(),
          c.typeB(),
          c.verdict().words(),
          isDifferent ? String.format(Locale.ROOT, "%.5f", c.relativeError()) : "",
          isDifferent ? String.format(Locale.ROOT, "%.5f", c.largest()) : "");
    }
    table.print(System.out);
    if (!metadata.isEmpty()) {
      System.out.println("metadata that differs: " + String.join(", ", metadata));
    }
    System.out.println(
        counts(comparisons).entrySet().stream()
            .map(entry -> entry.getValue() + " " + entry.getKey().words())
            .collect(Collectors.joining(", ")));
  }

  private static ObjectNode json(List<Comparison> comparisons, List<String> metadata) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    ObjectNode counts = result.putObject("counts");
    counts(comparisons)
        .forEach((verdict, count) -> counts.put(verdict.words().replace(' ', '_'), count));
    ArrayNode keys = result.putArray("metadata_that_differs");
    metadata.forEach(keys::add);
    ArrayNode tensors = result.putArray("tensors");
    for (Comparison c : comparisons) {
      ObjectNode entry = tensors.addObject();
      entry.put("name", c.name()).put("a", c.typeA()).put("b", c.typeB());
      entry.put("verdict", c.verdict().words().replace(' ', '_'));
      entry.put("relative_error", c.relativeError()).put("largest", c.largest());
    }
    return result;
  }
}
