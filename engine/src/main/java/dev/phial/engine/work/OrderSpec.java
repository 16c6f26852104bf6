package dev.phial.engine.work;

import dev.phial.choose.Method;
import dev.phial.engine.convert.Order;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Checkpoint;
import dev.phial.source.Fingerprint;
import dev.phial.targets.CalibrationText;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.io.Serializable;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * An order as other machines are told it, the model aside.
 *
 * @param fingerprint of the files that options name
 */
record OrderSpec(
    String target,
    @Nullable String precision,
    Map<String, List<String>> options,
    Method method,
    @Nullable ActivationRanges ranges,
    String fingerprint)
    implements Serializable {

  static OrderSpec of(Order order) {
    Request request = order.request();
    return new OrderSpec(
        order.target().name(),
        request.precision().orElse(null),
        request.options().values(),
        request.method(),
        request.ranges().orElse(null),
        Fingerprint.of(files(order.target(), request)));
  }

  /** The files that options name; other machines need no text, since they run no model. */
  private static List<Path> files(Target target, Request request) {
    List<Path> texts = request.text().inputs();
    return target.inputs(request).stream().filter(file -> !texts.contains(file)).toList();
  }

  /**
   * Plans it.
   *
   * @throws dev.phial.PhialException.BadInput if files that options name are others than where the
   *     work was cut
   */
  Order order(Checkpoint checkpoint, ModelDescription model) {
    Target known = Targets.named(target).orElseThrow();
    Request request =
        new Request(
            checkpoint,
            model,
            Optional.ofNullable(precision),
            new Options(options),
            method,
            CalibrationText.USUAL,
            Optional.ofNullable(ranges));
    List<Path> files = files(known, request);
    ModelPlace.check(files.toString(), fingerprint, Fingerprint.of(files));
    return Order.of(known, request);
  }
}
