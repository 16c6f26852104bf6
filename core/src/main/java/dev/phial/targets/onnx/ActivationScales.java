package dev.phial.targets.onnx;

import dev.phial.quant.activation.ActivationCodes;
import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.ActivationRanges;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;

/**
 * The codes of every place. Most follow from what was seen there; some are known before, and some
 * follow from another place.
 */
final class ActivationScales {
  /** The cache is in 8 bits around this code, as ONNX Runtime GenAI's sliding cache wants it. */
  static final int CACHE_ZERO = 128;

  /** {@code e} to the power of this is what a softmax leaves of what a token may not see. */
  private static final float MARGIN = 20;

  private static final ActivationRange SHARE = new ActivationRange(0, 1);

  private final Optional<ActivationRanges> ranges;
  private final int bits;
  private final Map<ActivationPlace, ActivationCodes> known = new HashMap<>();

  /**
   * @param ranges empty if nothing is known yet and nothing will be written
   */
  ActivationScales(Optional<ActivationRanges> ranges, int bits) {
    this.ranges = ranges;
    this.bits = bits;
  }

  /** The codes of all places that were asked for so far. */
  Map<ActivationPlace, ActivationCodes> known() {
    return known;
  }

  ActivationCodes of(ActivationPlace place) {
    return known.computeIfAbsent(place, this::find);
  }

  private ActivationCodes find(ActivationPlace place) {
    int layer = place.layer();
    return switch (place.point()) {
      case CACHED_KEY -> around(range(ActivationPoint.ROTATED_KEY.in(layer)));
      case CACHED_VALUE -> around(range(ActivationPoint.VALUE.in(layer)));
      case PROBABILITIES, GATE_SIGMOID -> ActivationCodes.of(SHARE, bits);
      case MASKED_SCORES -> {
        ActivationRange scores = range(ActivationPoint.SCORES.in(layer));
        yield ActivationCodes.of(new ActivationRange(scores.low() - MARGIN, scores.high()), bits);
      }
      default -> ActivationCodes.of(range(place), bits);
    };
  }

  private ActivationRange range(ActivationPlace place) {
    return ranges.map(found -> found.range(place)).orElse(SHARE);
  }

  private static ActivationCodes around(ActivationRange range) {
    float largest = Math.max(Math.abs(range.low()), Math.abs(range.high()));
    float scale = largest / (CACHE_ZERO - 1);
    return new ActivationCodes(Byte.SIZE, scale < Float.MIN_NORMAL ? 1 : scale, CACHE_ZERO);
  }

  /** Of constants, which are known. */
  ActivationCodes of(float[] values) {
    float low = 0;
    float high = 0;
    for (float value : values) {
      low = Math.min(low, value);
      high = Math.max(high, value);
    }
    return ActivationCodes.of(new ActivationRange(low, high), bits);
  }

  /** How far below every score the mask pushes what a token may not see. */
  float penalty(int layers) {
    float most = MARGIN;
    for (int layer = 0; layer < layers; layer++) {
      ActivationRange scores = range(ActivationPoint.SCORES.in(layer));
      most = Math.max(most, scores.high() - scores.low() + MARGIN);
    }
    return (float) Math.scalb(1.0, Math.getExponent(most) + 1); // a power of two, exact in any sum
  }
}
