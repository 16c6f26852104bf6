package dev.phial.cli;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import dev.phial.model.Hyperparameters;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Says what a plan holds. */
final class PlanPrinter {
  private static final int USUAL_CONTEXT = 4096;

  private PlanPrinter() {}

  /** Tokens to count memory for when nobody says how many. */
  static int usualContext(Hyperparameters model) {
    return Math.min(USUAL_CONTEXT, model.context());
  }

  /**
   * Tokens to count memory for.
   *
   * @throws PhialException.Usage if the model cannot take so many
   */
  static int context(Optional<Integer> asked, Hyperparameters model) {
    asked
        .filter(tokens -> tokens < 1 || tokens > model.context())
        .ifPresent(tokens -> {
          throw new PhialException.Usage(
              "--context: expected 1 to %d, the context of the model, found %d"
                  .formatted(model.context(), tokens));
        });
    return asked.orElse(usualContext(model));
  }

  /** What becomes of every tensor, and the exact size of the outputs. */
  static void print(List<Plan> plans, int tokens) {
    for (int i = 0; i < plans.size(); i++) {
      System.out.print(i == 0 ? "" : System.lineSeparator());
      print(plans.get(i), tokens);
    }
  }

  /** The same as JSON. */
  static ObjectNode json(List<Plan> plans, int tokens) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("context", tokens);
    ArrayNode entries = result.putArray("plans");
    plans.forEach(plan -> describe(plan, tokens, entries.addObject()));
    return result;
  }

  private static void print(Plan plan, int tokens) {
    Table table = new Table("lllllr").row("tensor", "shape", "from", "", "to", "bytes");
    for (PlannedTensor tensor : plan.tensors()) {
      table.row(
          tensor.name(),
          tensor.shape(),
          tensor.weight().encoding().name(),
          "->",
          tensor.format().name(),
          Sizes.exactly(tensor.storedBytes()));
    }
    table.print(System.out);
    System.out.println(summary(plan));
    System.out.printf(
        "%s bytes in the file, %s of memory with %d tokens of context%n",
        Sizes.exactly(plan.bytes()), Sizes.of(plan.memoryBytes(tokens)), tokens);
  }

  /** A plan in one line. */
  static String summary(Plan plan) {
    return String.format(
        Locale.ROOT,
        "%s %s%s: %s, %.2f bits per weight (%s)",
        plan.target(),
        plan.precision(),
        plan.settings().isEmpty() ? "" : ", " + plan.settings(),
        Sizes.of(plan.bytes()),
        plan.bitsPerWeight(),
        counts(plan.formats()));
  }

  /** {@code 13 Q4_K, 9 F32}: the common ones first. */
  static String counts(Map<String, Long> byName) {
    return byName.entrySet().stream()
        .sorted(Map.Entry.comparingByValue(Comparator.reverseOrder()))
        .map(entry -> entry.getValue() + " " + entry.getKey())
        .collect(Collectors.joining(", "));
  }

  /** Fills in what every JSON about a plan tells. */
  static void describe(Plan plan, ObjectNode to) {
    to.put("target", plan.target()).put("precision", plan.precision());
    if (!plan.settings().isEmpty()) {
      to.put("settings", plan.settings());
    }
    to.put("bytes", plan.bytes()).put("bits_per_weight", plan.bitsPerWeight());
  }

  private static void describe(Plan plan, int tokens, ObjectNode to) {
    describe(plan, to);
    to.put("memory_bytes", plan.memoryBytes(tokens));
    ArrayNode tensors = to.putArray("tensors");
    for (PlannedTensor tensor : plan.tensors()) {
      ObjectNode entry = tensors.addObject();
      entry.put("name", tensor.name());
      ArrayNode shape = entry.putArray("shape");
      tensor.shape().dimensions().forEach(shape::add);
      entry.put("from", tensor.weight().encoding().name()).put("to", tensor.format().name());
      entry.put("bytes", tensor.storedBytes());
    }
  }
}
