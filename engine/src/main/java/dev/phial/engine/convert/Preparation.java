package dev.phial.engine.convert;

import dev.phial.engine.calibrate.RangeSearch;
import dev.phial.io.Progress;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Request;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** What must be found out before outputs can be written, by letting the model read a text. */
public final class Preparation {
  private Preparation() {}

  /** What is looked for; once, if several outputs ask for the same. */
  private record Search(CalibrationOptions options, Set<ActivationPoint> points) {}

  /**
   * The same orders, knowing what flows through the model where they have to.
   *
   * @param orders of one model
   * @throws dev.phial.PhialException if the text cannot be read, or the model cannot read it
   */
  public static List<Order> of(List<Order> orders, int threads, Progress progress) {
    Map<Search, ActivationRanges> found = new HashMap<>();
    return orders.stream()
        .map(order -> {
          Request request = order.request();
          if (!order.target().needsRanges(request)) {
            return order;
          }
          Search asked =
              new Search(order.target().calibration(request), order.target().points(request));
          return order.with(
              found.computeIfAbsent(
                  asked,
                  search ->
                      new RangeSearch(
                              request.checkpoint(), request.model(), search.options, search.points)
                          .run(threads, progress)
                          .ranges()));
        })
        .toList();
  }
}
