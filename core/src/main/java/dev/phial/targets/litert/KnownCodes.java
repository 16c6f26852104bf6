package dev.phial.targets.litert;

import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRanges;
import java.util.Collections;
import java.util.EnumSet;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * Codes of activations that are known before anything flows: what goes into and out of products.
 */
final class KnownCodes {
  static final Set<ActivationPoint> POINTS =
      Collections.unmodifiableSet(
          EnumSet.of(
              ActivationPoint.ATTENTION_NORM,
              ActivationPoint.QUERY,
              ActivationPoint.KEY,
              ActivationPoint.VALUE,
              ActivationPoint.ATTENDED,
              ActivationPoint.ATTENTION_OUTPUT,
              ActivationPoint.FEED_FORWARD_NORM,
              ActivationPoint.GATE,
              ActivationPoint.UP,
              ActivationPoint.FEED_FORWARD_PRODUCT,
              ActivationPoint.FEED_FORWARD_OUTPUT,
              ActivationPoint.OUTPUT_NORM,
              ActivationPoint.LOGITS));

  private static final ActivationCodes UNKNOWN = new ActivationCodes(Byte.SIZE, 1, 0);

  private final Optional<ActivationRanges> ranges;
  private final Map<ActivationPlace, ActivationCodes> used = new HashMap<>();

  /**
   * @param ranges empty if nothing is known yet and nothing will be written
   */
  KnownCodes(Optional<ActivationRanges> ranges) {
    this.ranges = ranges;
  }

  ActivationCodes at(ActivationPlace place) {
    return used.computeIfAbsent(
        place, p -> ranges.map(all -> ActivationCodes.of(all.range(p), Byte.SIZE)).orElse(UNKNOWN));
  }

  /** Those that were asked for so far. */
  Map<ActivationPlace, ActivationCodes> used() {
    return used;
  }
}
