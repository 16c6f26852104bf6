package dev.phial.cli;

import dev.phial.engine.advise.Advisor;
import dev.phial.engine.advise.Candidate;
import dev.phial.engine.advise.Demand;
import dev.phial.engine.advise.Device;
import dev.phial.engine.advise.Recommendation;
import dev.phial.io.Json;
import dev.phial.io.Sizes;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Says what a model would be on a device. */
final class AdvicePrinter {
  private final Advisor advisor;
  private final String model;
  private final List<Candidate> candidates;
  private final Optional<Recommendation> recommendation;

  /**
   * @param model as the user called it
   */
  AdvicePrinter(Advisor advisor, String model, List<Candidate> candidates) {
    this.advisor = advisor;
    this.model = model;
    this.candidates = candidates;
    this.recommendation = advisor.recommend(candidates);
  }

  void print() {
    Device device = advisor.device();
    System.out.printf(
        Locale.ROOT,
        "%s: %s for a model%s, %,d tokens of context%n%n",
        device.title(),
        Sizes.of(device.room()),
        device
            .bandwidth()
            .map(bandwidth -> String.format(Locale.ROOT, ", %.1f GB/s", bandwidth.value()))
            .orElse(""),
        advisor.context());
    boolean measured = candidates.stream().anyMatch(candidate -> candidate.loss().isPresent());
    Table table = new Table(measured ? "lrrrrl" : "lrrrl");
    table.row(columns("--to", "size", "memory", "tokens/s", measured ? "KL" : "", "runs on"));
    for (int i = 0; i < candidates.size(); i++) {
      Candidate candidate = candidates.get(i);
      if (candidate.plan().isEmpty() && isAlike(i)) {
        if (i == 0 || !alike(i - 1, i)) {
          table.row(candidate.target() + candidate.options(), "no: " + reason(candidate)); // once
        }
        continue;
      }
      Optional<Demand> demand = candidate.demand();
      if (demand.isEmpty()) {
        table.row(candidate.order(), "no: " + reason(candidate));
        continue;
      }
      table.row(
          columns(
              candidate.order(),
              Sizes.of(candidate.plan().orElseThrow().bytes()),
              Sizes.of(demand.get().total()),
              candidate.speed().map(AdvicePrinter::speed).orElse("?"),
              measured ? candidate.loss().map(AdvicePrinter::loss).orElse("?") : "",
              candidate.fits()
                  ? String.join(", ", candidate.units())
                  : "no: " + reason(candidate)));
    }
    table.print(System.out);
    System.out.println();
    printRecommendation();
  }

  /** Without the column that is empty. */
  private static Object[] columns(String... cells) {
    List<String> columns = new ArrayList<>(List.of(cells));
    if (cells[4].isEmpty()) {
      columns.remove(4);
    }
    return columns.toArray();
  }

  /** Whether all files of a target are out for one reason. */
  private boolean isAlike(int index) {
    Candidate candidate = candidates.get(index);
    return candidates.stream()
        .filter(other ->
            other.target().equals(candidate.target())
                && other.options().equals(candidate.options()))
        .allMatch(other -> other.obstacle().equals(candidate.obstacle()));
  }

  private boolean alike(int one, int other) {
    return candidates.get(one).target().equals(candidates.get(other).target())
        && candidates.get(one).options().equals(candidates.get(other).options());
  }

  private static String reason(Candidate candidate) {
    return candidate.obstacle().orElse("");
  }

  private void printRecommendation() {
    System.out.println(
        "Memory is weights, a key-value cache for the context and an estimate of the runtime's own."
            + System.lineSeparator()
            + "Tokens/s are a prediction: the memory's bandwidth over the bytes that one token reads. A runtime"
            + System.lineSeparator()
            + "reaches half to nine tenths of it; a prompt is read faster.");
    if (!advisor.losses().byName().isEmpty()) {
      System.out.println(
          "KL is the mean divergence that was measured: " + advisor.losses().about());
    }
    System.out.println();
    recommendation.ifPresentOrElse(
        found -> {
          Candidate candidate = found.candidate();
          Demand demand = candidate.demand().orElseThrow();
          System.out.printf(
              "Recommended: %s for %s; %s.%n",
              candidate.order(), candidate.runtime(), found.reason());
          System.out.printf(
              "It takes %s: weights %s, cache %s, %s itself %s.%n",
              Sizes.of(demand.total()),
              Sizes.of(demand.weights()),
              Sizes.of(demand.cache()),
              candidate.runtime(),
              Sizes.of(demand.own()));
          System.out.println(command(candidate));
        },
        () ->
            System.out.println(
                "No usual precision fits; a shorter --context or a smaller model takes less."));
  }

  private String command(Candidate candidate) {
    return "phial quantize %s --to %s"
        .formatted(Shell.quoted(model), Shell.quoted(candidate.order()));
  }

  private static String speed(double tokens) {
    return String.format(Locale.ROOT, tokens < 100 ? "%.1f" : "%.0f", tokens);
  }

  private static String loss(double loss) {
    return String.format(Locale.ROOT, "%.4f", loss);
  }

  ObjectNode json() {
    ObjectNode result = Json.MAPPER.createObjectNode();
    DevicesCommand.describe(advisor.device(), result.putObject("device"));
    result.put("context", advisor.context());
    ArrayNode entries = result.putArray("candidates");
    for (Candidate candidate : candidates) {
      ObjectNode entry = entries.addObject();
      entry
          .put("to", candidate.order())
          .put("target", candidate.target())
          .put("precision", candidate.precision())
          .put("runtime", candidate.runtime())
          .put("fits", candidate.fits());
      ArrayNode units = entry.putArray("units");
      candidate.units().forEach(units::add);
      candidate
          .plan()
          .ifPresent(plan ->
              entry.put("bytes", plan.bytes()).put("bits_per_weight", plan.bitsPerWeight()));
      candidate
          .demand()
          .ifPresent(demand -> {
            entry
                .putObject("memory_bytes")
                .put("weights", demand.weights())
                .put("cache", demand.cache())
                .put("runtime", demand.own())
                .put("total", demand.total());
            entry.put("bytes_per_token", demand.perToken());
          });
      candidate.speed().ifPresent(speed -> entry.put("predicted_tokens_per_second", speed));
      candidate.loss().ifPresent(loss -> entry.put("kld_mean", loss));
      candidate.obstacle().ifPresent(obstacle -> entry.put("obstacle", obstacle));
    }
    recommendation.ifPresentOrElse(
        found ->
            result
                .putObject("recommendation")
                .put("to", found.candidate().order())
                .put("reason", found.reason())
                .put("command", command(found.candidate())),
        () -> result.putNull("recommendation"));
    return result;
  }
}
