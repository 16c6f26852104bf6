package dev.phial.engine.report;

import java.util.Collections;
import java.util.List;

/**
 * The axes of a plot of size against KL divergence.
 *
 * @param unit bytes of a unit of the first axis
 */
record SizeFrame(Axis x, Axis y, double unit) {
  static final double WIDTH = 400;
  static final double HEIGHT = 300;
  static final double LEFT = 52;
  static final double RIGHT = 12;
  static final double TOP = 12;
  static final double BOTTOM = 44;

  /** Largest over smallest size from which a linear axis crowds the small ones. */
  private static final double WIDE_RANGE = 20;

  /**
   * Around points.
   *
   * @param sizes in bytes, one at least
   */
  static SizeFrame around(List<Long> sizes, List<Double> losses) {
    double largest = Collections.max(sizes);
    double smallest = Math.max(1, Collections.min(sizes));
    Axis x =
        largest / smallest > WIDE_RANGE
            ? Axis.logarithmic(smallest, largest, LEFT, WIDTH - RIGHT)
            : Axis.linear(largest, LEFT, WIDTH - RIGHT);
    List<Double> some = losses.stream().filter(loss -> loss > 0).toList();
    double least = some.isEmpty() ? 1e-6 : Collections.min(some);
    double most = some.isEmpty() ? 1 : Collections.max(some);
    Axis y = Axis.logarithmic(least, most, HEIGHT - BOTTOM, TOP);
    return new SizeFrame(x, y, largest >= 1e9 ? 1e9 : 1e6);
  }

  /** Where the plot begins. */
  static Markup begin(String id, String label) {
    return new Markup()
        .add(
            "<svg id=\"%s\" viewBox=\"0 0 %.0f %.0f\" role=\"img\" aria-label=\"%s\">",
            id, WIDTH, HEIGHT, label);
  }

  void draw(Markup svg) {
    for (double tick : x.ticks()) {
      svg.add(
          "<line class=\"grid\" x1=\"%1$.1f\" x2=\"%1$.1f\" y1=\"%2$.1f\" y2=\"%3$.1f\"/>",
          x.at(tick), TOP, HEIGHT - BOTTOM);
      svg.add(
          "<text class=\"tick\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">%s</text>",
          x.at(tick), HEIGHT - BOTTOM + 14, number(tick / unit));
    }
    for (double tick : y.ticks()) {
      svg.add(
          "<line class=\"grid\" x1=\"%.1f\" x2=\"%.1f\" y1=\"%3$.1f\" y2=\"%3$.1f\"/>",
          LEFT, WIDTH - RIGHT, y.at(tick));
      svg.add(
          "<text class=\"tick\" text-anchor=\"end\" x=\"%.1f\" y=\"%.1f\">10<tspan dy=\"-4\" font-size=\"8\">%d</tspan></text>",
          LEFT - 5, y.at(tick) + 4, Math.round(Math.log10(tick)));
    }
    svg.add(
        "<text class=\"name\" text-anchor=\"middle\" x=\"%.1f\" y=\"%.1f\">size in %s</text>",
        (LEFT + WIDTH - RIGHT) / 2, HEIGHT - 10, unit == 1e9 ? "GB" : "MB");
    svg.add(
        "<text class=\"name\" text-anchor=\"middle\" transform=\"translate(12 %.1f) rotate(-90)\">mean KL divergence</text>",
        (TOP + HEIGHT - BOTTOM) / 2);
  }

  private static String number(double value) {
    return EvalTable.text(value == Math.rint(value) ? "%.0f" : "%.1f", value);
  }
}
