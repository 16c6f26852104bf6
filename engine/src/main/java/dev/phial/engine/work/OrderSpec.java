package dev.phial.engine.work;

import dev.phial.choose.Method;
import dev.phial.engine.convert.Order;
import dev.phial.model.ModelDescription;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.Checkpoint;
import dev.phial.targets.CalibrationText;
import dev.phial.targets.Options;
import dev.phial.targets.Request;
import dev.phial.targets.Targets;
import java.io.Serializable;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** An order as other machines are told it, the model aside. */
record OrderSpec(
    String target,
    @Nullable String precision,
    Map<String, List<String>> options,
    Method method,
    @Nullable ActivationRanges ranges)
    implements Serializable {

  static OrderSpec of(Order order) {
    Request request = order.request();
    return new OrderSpec(
        order.target().name(),
        request.precision().orElse(null),
        request.options().values(),
        request.method(),
        request.ranges().orElse(null));
  }

  /** Plans it. */
  Order order(Checkpoint checkpoint, ModelDescription model) {
    return Order.of(
        Targets.named(target).orElseThrow(),
        new Request(
            checkpoint,
            model,
            Optional.ofNullable(precision),
            new Options(options),
            method,
            CalibrationText.USUAL,
            Optional.ofNullable(ranges)));
  }
}
