package dev.phial.cli;

import dev.phial.io.Json;
import dev.phial.plan.Plan;
import dev.phial.plan.PlannedTensor;
import java.util.Locale;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Prints a plan: every tensor with its formats and bytes, and the exact size of the output. */
final class PlanPrinter {
  private PlanPrinter() {}

  static void print(Plan plan, boolean json) {
    if (json) {
      System.out.println(json(plan).toPrettyString());
      return;
    }
    int width = plan.tensors().stream().mapToInt(tensor -> tensor.name().length()).max().orElse(0);
    for (PlannedTensor tensor : plan.tensors()) {
      System.out.printf(
          Locale.ROOT,
          "%-" + width + "s  %-18s %8s -> %-8s %14d%n",
          tensor.name(),
          tensor.weight().shape(),
          tensor.weight().encoding().name(),
          tensor.format().name(),
          tensor.bytes());
    }
    System.out.printf(
        Locale.ROOT,
        "%s %s: %d bytes (%s), %.2f bits per weight, %s%n",
        plan.target(),
        plan.precision(),
        plan.bytes(),
        Sizes.of(plan.bytes()),
        plan.bitsPerWeight(),
        plan.formats());
  }

  static ObjectNode json(Plan plan) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("target", plan.target()).put("precision", plan.precision());
    result.put("bytes", plan.bytes()).put("bits_per_weight", plan.bitsPerWeight());
    ArrayNode tensors = result.putArray("tensors");
    for (PlannedTensor tensor : plan.tensors()) {
      ObjectNode entry = tensors.addObject();
      entry.put("name", tensor.name());
      ArrayNode shape = entry.putArray("shape");
      tensor.weight().shape().dimensions().forEach(shape::add);
      entry.put("from", tensor.weight().encoding().name()).put("to", tensor.format().name());
      entry.put("bytes", tensor.bytes());
    }
    return result;
  }
}
