package dev.phial.engine.report;

import dev.phial.engine.eval.EvalResult;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/** An error at each layer, a line per candidate. */
final class LayerPlot {
  private static final double WIDTH = 440;
  private static final double HEIGHT = 300;
  private static final double LEFT = 44;
  private static final double TOP = 12;
  private static final double BOTTOM = 44;

  /** What a letter of a label takes. */
  private static final double LETTER = 6.6;

  private static final double LINE = 12;

  /** Largest over smallest error from which a linear axis bundles the small ones. */
  private static final double WIDE_RANGE = 20;

  /** Names that fit below the axis. */
  private static final int MOST_NAMES = 10;

  private final String id;
  private final List<Line> lines;
  private final List<String> places;
  private final int first; // place on a line
  private final int last;
  private final double right;
  private final Axis x;
  private final Axis y;
  private final Markup svg = new Markup();

  /** One candidate. */
  private record Line(int color, String dash, String label, String model, List<Double> values) {}

  private LayerPlot(
      String id,
      EvalResult result,
      Looks looks,
      Function<EvalResult.Entry, List<Double>> values,
      List<String> places,
      int first,
      int last) {
    this.id = id;
    this.places = places;
    this.first = first;
    this.last = last;
    this.lines = new ArrayList<>();
    for (EvalResult.Entry entry : result.candidates()) {
      List<Double> found = values.apply(entry);
      if (!found.isEmpty()) {
        lines.add(
            new Line(
                looks.color(entry),
                looks.dash(entry),
                looks.label(entry),
                entry.subject().name(),
                found));
      }
    }
    double longest =
        lines.stream().mapToDouble(line -> line.label.length() * LETTER).max().orElse(0);
    this.right = WIDTH - 8 - longest;
    this.x = new Axis(0, Math.max(1, places.size() - 1), false, LEFT + 6, right - 6);
    List<Double> errors =
        lines.stream()
            .flatMap(line -> line.values.stream())
            .filter(value -> value > 0)
            .map(value -> 100 * value)
            .sorted()
            .toList();
    double most = errors.isEmpty() ? 1 : errors.getLast();
    this.y =
        !errors.isEmpty() && most / errors.getFirst() > WIDE_RANGE
            ? Axis.logarithmic(errors.getFirst(), most, HEIGHT - BOTTOM, TOP)
            : Axis.linear(most, HEIGHT - BOTTOM, TOP);
  }

  /**
   * @param values relative errors of a candidate at each place; {@code NaN} or none where there is
   *     nothing to compare
   * @param places their names
   * @param first of the places that a line connects
   * @param last of them
   */
  static Markup of(
      String id,
      String name,
      EvalResult result,
      Looks looks,
      Function<EvalResult.Entry, List<Double>> values,
      List<String> places,
      int first,
      int last) {
    return new LayerPlot(id, result, looks, values, places, first, last).draw(name);
  }

  private Markup draw(String name) {
    svg.add(
        "<svg id=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">",
        id, WIDTH, HEIGHT, name);
    drawAxes();
    lines.forEach(this::drawLine);
    drawLabels();
    return svg.add("</svg>");
  }

  private void drawAxes() {
    for (double tick : y.ticks()) {
      svg.add(
          "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%3$.1f\" y2=\"%3$.1f\"/>",
          LEFT, right, y.at(tick));
      svg.add(
          "<text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">%s %%</text>",
          LEFT - 4,
          y.at(tick) + 4,
          new BigDecimal(tick).round(new MathContext(2)).stripTrailingZeros().toPlainString());
    }
    int step = (places.size() + MOST_NAMES - 1) / MOST_NAMES;
    for (int i = 0; i < places.size(); i++) {
      boolean isEnd = i == 0 || i == places.size() - 1;
      boolean isNearEnd = i < step || i > places.size() - 1 - step;
      if (isEnd || i % step == 0 && !isNearEnd || step == 1) {
        svg.add(
            "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>",
            x.at(i), HEIGHT - BOTTOM + 14, places.get(i));
      }
    }
    svg.add(
        "<text class=\"name\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">layer</text>",
        (LEFT + right) / 2, HEIGHT - 10);
  }

  private void drawLine(Line line) {
    StringBuilder path = new StringBuilder();
    boolean goesOn = false;
    for (int i = first; i <= last; i++) {
      double value = line.values.get(i);
      if (!Double.isNaN(value)) {
        path.append(EvalTable.text("%s%.1f %.1f ", goesOn ? "L" : "M", x.at(i), y.at(100 * value)));
      }
      goesOn = !Double.isNaN(value);
    }
    svg.add(
        "<path class=\"line c%d\" stroke-dasharray=\"%s\" d=\"%s\"/>",
        line.color, line.dash, path.toString());
    for (int i = 0; i < line.values.size(); i++) {
      double value = line.values.get(i);
      if (!Double.isNaN(value)) {
        svg.add(
            "<circle class=\"dot c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"2.5\" data-model=\"%s\" data-place=\"%s\" data-error=\"%s\"><title>%s, %s: %.3f %%</title></circle>",
            line.color,
            x.at(i),
            y.at(100 * value),
            line.model,
            places.get(i),
            Double.toString(value),
            line.label,
            places.get(i),
            100 * value);
      }
    }
  }

  private double end(Line line) {
    double value = line.values.get(last);
    return y.at(Double.isNaN(value) ? 0 : 100 * value);
  }

  /** At the ends of the lines, from the top down, each below the one before. */
  private void drawLabels() {
    double free = TOP;
    double height = Math.min(LINE, (HEIGHT - BOTTOM - TOP) / Math.max(1, lines.size() - 1));
    List<Line> sorted = lines.stream().sorted(Comparator.comparingDouble(this::end)).toList();
    for (int i = 0; i < sorted.size(); i++) {
      double rest = (sorted.size() - 1 - i) * height;
      double at = Math.min(Math.max(end(sorted.get(i)), free), HEIGHT - BOTTOM - rest);
      svg.add(
          "<text class=\"label c%d\" x=\"%.1f\" y=\"%.1f\">%s</text>",
          sorted.get(i).color, right + 2, at + 4, sorted.get(i).label);
      free = at + height;
    }
  }
}
