package dev.phial.source;

import dev.phial.quant.activation.ActivationPlace;
import dev.phial.quant.activation.ActivationPoint;
import dev.phial.quant.activation.ActivationRange;
import dev.phial.quant.activation.ActivationRanges;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.SortedMap;
import java.util.TreeMap;
import tools.jackson.databind.JsonNode;

/**
 * Activation ranges in JSON: under {@link #RANGES} a list of objects with {@code point}, {@code
 * layer} (not outside the layers), {@code low}, {@code high} and, where activations were smoothed,
 * {@code smoothing}; whatever else the file says is for display.
 */
public final class ActivationRangesFile {
  public static final String VERSION = "activation_ranges";
  private static final float LARGEST = 1e30f;

  public static final String RANGES = "ranges";
  public static final int CURRENT = 1;

  private static final int MOST_LAYERS = 1 << 16;
  private static final int MOST_CHANNELS = 1 << 24;

  private ActivationRangesFile() {}

  /**
   * @throws dev.phial.PhialException.BadInput if the file is damaged or holds no ranges
   */
  public static ActivationRanges read(Path file) {
    Config root = Config.read(file);
    if (root.count(VERSION, 0) != CURRENT) {
      throw Refusal.bad(
          file,
          "expected \"%s\": %d, found %s; is it what phial calibrate --ranges wrote?",
          VERSION,
          CURRENT,
          root.json().path(VERSION).isMissingNode() ? "none" : root.json().path(VERSION));
    }
    JsonNode list = root.json().path(RANGES);
    if (!list.isArray() || list.isEmpty()) {
      throw Refusal.bad(file, "expected a list of ranges in field %s, found none", RANGES);
    }
    SortedMap<ActivationPlace, ActivationRange> ranges = new TreeMap<>();
    SortedMap<ActivationPlace, float[]> smoothing = new TreeMap<>();
    for (JsonNode node : list) {
      if (!node.isObject()) {
        throw Refusal.bad(file, "expected objects in field %s, found %s", RANGES, node);
      }
      Config entry = new Config(file, node);
      ActivationPlace place = place(entry);
      if (ranges.put(place, range(entry, place)) != null) {
        throw Refusal.bad(file, "expected the range of %s once, found it again", place);
      }
      smoothing(entry, place).ifPresent(factors -> smoothing.put(place, factors));
    }
    return new ActivationRanges(ranges, smoothing);
  }

  private static ActivationPlace place(Config entry) {
    String name = entry.text("point").orElse("");
    ActivationPoint point =
        ActivationPoint.labelled(name)
            .orElseThrow(() ->
                Refusal.bad(
                    entry.file(),
                    "expected a point of a decoder such as %s, found %s",
                    ActivationPoint.ATTENTION_NORM.label(),
                    name.isEmpty() ? "none" : name));
    if (!entry.has("layer")) {
      return point.once();
    }
    double layer = entry.number("layer", -1);
    if (layer != Math.rint(layer) || layer < 0 || layer >= MOST_LAYERS) {
      throw Refusal.bad(
          entry.file(), "expected the number of a layer, found %s", entry.json().path("layer"));
    }
    return point.in((int) layer);
  }

  private static ActivationRange range(Config entry, ActivationPlace place) {
    float low = (float) entry.number("low", Double.NaN);
    float high = (float) entry.number("high", Double.NaN);
    if (!(Math.abs(low) < LARGEST && Math.abs(high) < LARGEST) || low > high) {
      throw Refusal.bad(
          entry.file(),
          "range of %s: expected numbers low and high that activations can be, found %s and %s",
          place,
          entry.json().path("low"),
          entry.json().path("high"));
    }
    return new ActivationRange(low, high);
  }

  private static Optional<float[]> smoothing(Config entry, ActivationPlace place) {
    List<Double> numbers = entry.numbers("smoothing");
    if (numbers.isEmpty()) {
      return Optional.empty();
    }
    if (numbers.size() > MOST_CHANNELS) {
      throw Refusal.bad(
          entry.file(), "expected at most %d channels, found %d", MOST_CHANNELS, numbers.size());
    }
    float[] factors = new float[numbers.size()];
    for (int i = 0; i < factors.length; i++) {
      factors[i] = (float) (double) numbers.get(i);
      if (!(factors[i] > 0) || !Float.isFinite(factors[i]) || !Float.isFinite(1 / factors[i])) {
        throw Refusal.bad(
            entry.file(),
            "smoothing of %s: expected positive numbers, found %s",
            place,
            numbers.get(i));
      }
    }
    return Optional.of(factors);
  }
}
