package dev.phial.engine.convert;

import dev.phial.engine.calibrate.RangeSearch;
import dev.phial.io.Progress;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.targets.CalibrationOptions;
import dev.phial.targets.Request;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What must be found out before outputs can be written, by letting the model read a text. What was
 * found is held until it is closed.
 */
public final class Preparation implements AutoCloseable {
  private final int threads;
  private final Progress progress;
  private final Map<Search, ActivationRanges> ranges = new HashMap<>();
  private final List<Refiner> refiners = new ArrayList<>();

  public Preparation(int threads, Progress progress) {
    this.threads = threads;
    this.progress = progress;
  }

  /** What is looked for; once, if several outputs ask for the same. */
  private record Search(CalibrationOptions options, Set<ActivationPoint> points) {}

  /**
   * The orders, knowing what flows through the model where they have to.
   *
   * @param orders of one model
   * @throws dev.phial.PhialException if the text cannot be read, or the model cannot read it
   */
  public List<Order> of(List<Order> orders) {
    return orders.stream().map(this::withRanges).map(this::withCodes).toList();
  }

  private Order withRanges(Order order) {
    Request request = order.request();
    if (!order.target().needsRanges(request)) {
      return order;
    }
    Search asked = new Search(order.target().calibration(request), order.target().points(request));
    return order.with(
        ranges.computeIfAbsent(
            asked,
            search ->
                new RangeSearch(
                        request.checkpoint(), request.model(), search.options, search.points)
                    .run(threads, progress)
                    .ranges()));
  }

  private Order withCodes(Order order) {
    Request request = order.request();
    if (!request.method().readsText()) {
      return order;
    }
    List<int[]> texts = TextChunks.of(request.text(), request.checkpoint(), request.model());
    Refiner refiner = new Refiner(order.layout(), request.method(), texts);
    refiners.add(refiner);
    return order.with(refiner.run(threads, progress), refiner.findings());
  }

  @Override
  public void close() {
    refiners.forEach(Refiner::close);
  }
}
