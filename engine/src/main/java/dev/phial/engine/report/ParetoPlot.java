package dev.phial.engine.report;

import dev.phial.engine.eval.EvalResult;
import dev.phial.engine.eval.Measure;
import dev.phial.io.Sizes;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/** Size against KL divergence: what is smaller and better than others lies on the front. */
final class ParetoPlot {
  /** What a letter of a label takes. */
  private static final double LETTER = 6.6;

  private static final double LINE = 12;

  /** How far from its point a label may stand, with a line between. */
  private static final double FARTHEST = 250;

  private final List<EvalResult.Entry> entries;
  private final Looks looks;
  private final SizeFrame frame;
  private final Markup svg = new Markup();
  private final List<Box> taken = new ArrayList<>();

  /** A part of the plot that is written in. */
  private record Box(double left, double top, double right, double bottom) {
    boolean meets(Box other) {
      return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
    }

    boolean isInside() {
      return left >= SizeFrame.LEFT
          && right <= SizeFrame.WIDTH
          && top >= 0
          && bottom <= SizeFrame.HEIGHT - SizeFrame.BOTTOM;
    }
  }

  private ParetoPlot(EvalResult result, Looks looks) {
    this.looks = looks;
    this.entries =
        result.candidates().stream()
            .sorted(Comparator.comparingLong(entry -> entry.subject().bytes()))
            .toList();
    this.frame =
        SizeFrame.around(
            entries.stream().map(entry -> entry.subject().bytes()).toList(),
            entries.stream().map(ParetoPlot::loss).toList());
  }

  /**
   * @param result with candidates
   */
  static Markup of(EvalResult result, Looks looks) {
    return new ParetoPlot(result, looks).draw();
  }

  private static double loss(EvalResult.Entry entry) {
    return entry.result().divergence().mean().value();
  }

  private Markup draw() {
    svg.add(SizeFrame.begin("pareto", "Size against KL divergence"));
    frame.draw(svg);
    drawFront();
    entries.forEach(entry -> taken.add(around(px(entry), py(entry))));
    entries.forEach(this::drawPoint);
    return svg.add("</svg>");
  }

  /** Steps along the candidates of which none other is both smaller and better. */
  private void drawFront() {
    StringBuilder path = new StringBuilder();
    double last = 0;
    for (EvalResult.Entry entry : entries) {
      if (isOnFront(entry)) {
        path.append(
            path.isEmpty()
                ? EvalTable.text("M%.1f %.1f", px(entry), py(entry))
                : EvalTable.text("L%.1f %.1f L%.1f %.1f", px(entry), last, px(entry), py(entry)));
        last = py(entry);
      }
    }
    svg.add("<path class=\"front\" d=\"%s\"/>", path.toString());
  }

  private boolean isOnFront(EvalResult.Entry entry) {
    return entries.stream()
        .noneMatch(other ->
            other.subject().bytes() <= entry.subject().bytes()
                && loss(other) <= loss(entry)
                && (other.subject().bytes() < entry.subject().bytes()
                    || loss(other) < loss(entry)));
  }

  private void drawPoint(EvalResult.Entry entry) {
    Measure loss = entry.result().divergence().mean();
    svg.add(
        "<line class=\"bar c%4$d\" x1=\"%1$.1f\" x2=\"%1$.1f\" y1=\"%2$.1f\" y2=\"%3$.1f\"/>",
        px(entry),
        frame.y().at(loss.value() - loss.error()),
        frame.y().at(loss.value() + loss.error()),
        looks.color(entry));
    svg.add(
        "<circle class=\"point %s c%d\" cx=\"%.1f\" cy=\"%.1f\" r=\"4\" data-model=\"%s\" data-type=\"%s\" data-bytes=\"%d\" data-kld=\"%s\" data-front=\"%b\"><title>%s: %s, KL divergence %s</title></circle>",
        isOnFront(entry) ? "on" : "off",
        looks.color(entry),
        px(entry),
        py(entry),
        entry.subject().name(),
        entry.subject().type(),
        entry.subject().bytes(),
        Double.toString(loss.value()),
        isOnFront(entry),
        entry.subject().name(),
        Sizes.of(entry.subject().bytes()),
        EvalTable.text("%.6f", loss.value()));
    drawLabel(entry, looks.label(entry), px(entry), py(entry));
  }

  /** Beside the point where there is room, else further away with a line to it. */
  private void drawLabel(EvalResult.Entry entry, String label, double px, double py) {
    double width = label.length() * LETTER;
    for (double[] place :
        new double[][] {
          {px + 7, py - 7}, {px + 7, py + 7}, {px - 7 - width, py + 7}, {px - 7 - width, py - 7},
          {px + 9, py}, {px - 9 - width, py}, {px - width / 2, py - 13}, {px - width / 2, py + 13}
        }) {
      if (takes(place[0], place[1], width)) {
        write(entry, label, place[0], place[1]);
        return;
      }
    }
    for (double distance = 2 * LINE; distance < FARTHEST; distance += LINE / 2) {
      for (int turn = 0; turn < 24; turn++) {
        double angle = Math.PI * turn / 12;
        double left = px + distance * Math.cos(angle) - width / 2;
        double middle = py + distance * Math.sin(angle);
        if (takes(left, middle, width)) {
          svg.add(
              "<line class=\"grid\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>",
              px, py, Math.clamp(px, left, left + width), middle);
          write(entry, label, left, middle);
          return;
        }
      }
    }
    write(
        entry,
        label,
        Math.clamp(px + 7, SizeFrame.LEFT, SizeFrame.WIDTH - width),
        py - 7); // there is no room left
  }

  private boolean takes(double left, double middle, double width) {
    Box box = new Box(left, middle - LINE / 2, left + width, middle + LINE / 2);
    boolean takes = box.isInside() && taken.stream().noneMatch(box::meets);
    if (takes) {
      taken.add(box);
    }
    return takes;
  }

  private void write(EvalResult.Entry entry, String label, double left, double middle) {
    svg.add(
        "<text class=\"label c%d\" x=\"%.1f\" y=\"%.1f\">%s</text>",
        looks.color(entry), left, middle + 4, label);
  }

  private static Box around(double px, double py) {
    return new Box(px - 4, py - 4, px + 4, py + 4);
  }

  private double px(EvalResult.Entry entry) {
    return frame.x().at((double) entry.subject().bytes());
  }

  private double py(EvalResult.Entry entry) {
    return frame.y().at(loss(entry));
  }
}
