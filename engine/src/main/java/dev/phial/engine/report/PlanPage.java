package dev.phial.engine.report;

import dev.phial.engine.tune.Tuner;
import dev.phial.engine.tune.TypePlan;
import dev.phial.io.Sizes;
import java.nio.charset.StandardCharsets;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * A plan of types as a page: what the best plans of all sizes are expected to lose, which one was
 * chosen, and what every matrix would lose in every type. What the plot shows is also in {@code
 * data-} attributes, for programs.
 */
public final class PlanPage {
  private PlanPage() {}

  /**
   * The page, in HTML.
   *
   * @param chosen the plan
   * @param curve the best plans of some sizes, from the smallest
   */
  public static String of(
      Tuner.Result chosen, List<Tuner.Result> curve, Circumstances circumstances) {
    TypePlan plan = chosen.plan();
    Markup page = Page.begin("Types for " + plan.model());
    page.add("<h1>Types for %s</h1>", plan.model());
    page.add(
        "<p>%s takes %s as %s, and is expected to lose a mean KL divergence of %s with codes chosen as its runtime’s converter does.</p>",
        plan.model(), Sizes.of(chosen.bytes()), plan.to(), EvalTable.text("%.6f", plan.loss()));
    page.add("<div class=\"plots\">");
    Page.section(
        page,
        "Size and expected loss",
        "Lower is better, left is smaller. Filled: this plan.",
        plot(chosen, curve));
    page.add("</div>").add(table(plan));
    return Page.end(
        page, circumstances, "plan.json", new String(plan.toJson(), StandardCharsets.UTF_8));
  }

  private static Markup plot(Tuner.Result chosen, List<Tuner.Result> curve) {
    List<Tuner.Result> points =
        Stream.concat(curve.stream(), Stream.of(chosen))
            .sorted(Comparator.comparingLong(Tuner.Result::bytes))
            .toList();
    SizeFrame frame =
        SizeFrame.around(
            points.stream().map(Tuner.Result::bytes).toList(),
            points.stream().map(point -> point.plan().loss()).toList());
    Markup svg = SizeFrame.begin("curve", "Size against the loss that is expected");
    frame.draw(svg);
    String line =
        points.stream()
            .map(point -> EvalTable.text("%.1f %.1f", x(frame, point), y(frame, point)))
            .collect(Collectors.joining(" L", "M", ""));
    svg.add("<path class=\"line c0\" d=\"%s\"/>", line);
    for (Tuner.Result point : points) {
      svg.add(
          "<circle class=\"point %s c0\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\" data-bytes=\"%d\" data-kld=\"%s\"><title>%s, expected KL divergence %s</title></circle>",
          point == chosen ? "on" : "off",
          x(frame, point),
          y(frame, point),
          point.bytes(),
          Double.toString(point.plan().loss()),
          Sizes.of(point.bytes()),
          EvalTable.text("%.6f", point.plan().loss()));
    }
    return svg.add("</svg>");
  }

  private static double x(SizeFrame frame, Tuner.Result point) {
    return frame.x().at((double) point.bytes());
  }

  private static double y(SizeFrame frame, Tuner.Result point) {
    return frame.y().at(point.plan().loss());
  }

  private static Markup table(TypePlan plan) {
    Markup table = new Markup().add("<table>").add("<thead>").add("<tr>");
    for (String name : List.of("matrix", "type", "loses", "would lose in other types")) {
      table.add("<th>%s</th>", name);
    }
    table.add("</tr>").add("</thead>").add("<tbody>");
    plan.types()
        .forEach((matrix, type) -> {
          Map<String, Double> reasons = plan.reasons().getOrDefault(matrix, Map.of());
          String others =
              reasons.entrySet().stream()
                  .filter(other -> !other.getKey().equals(type))
                  .map(other -> other.getKey() + " " + loss(other.getValue()))
                  .collect(Collectors.joining(", "));
          table
              .add("<tr data-matrix=\"%s\" data-type=\"%s\">", matrix, type)
              .add("<td data-name=\"matrix\">%s</td>", matrix)
              .add("<td data-name=\"type\">%s</td>", type)
              .add("<td data-name=\"loses\">%s</td>", loss(reasons.getOrDefault(type, 0.0)))
              .add("<td class=\"long\" data-name=\"in others\">%s</td>", others)
              .add("</tr>");
        });
    return table.add("</tbody>").add("</table>");
  }

  private static String loss(double value) {
    return EvalTable.text("%.1e", value);
  }
}
