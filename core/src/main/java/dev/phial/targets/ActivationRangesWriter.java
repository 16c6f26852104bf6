package dev.phial.targets;

import dev.phial.io.AtomicFile;
import dev.phial.io.Json;
import dev.phial.quant.activation.ActivationRanges;
import dev.phial.source.ActivationRangesFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Writes activation ranges as {@link ActivationRangesFile} reads them. */
public final class ActivationRangesWriter {
  private ActivationRangesWriter() {}

  /**
   * Writes a file.
   *
   * @param replace whether one that exists may be replaced
   * @param origin how the ranges came about, for display
   */
  public static void write(
      Path file, boolean replace, Map<String, Object> origin, ActivationRanges ranges) {
    ObjectNode root = Json.MAPPER.createObjectNode();
    root.put(ActivationRangesFile.VERSION, ActivationRangesFile.CURRENT);
    origin.forEach((key, value) -> root.set(key, Json.MAPPER.valueToTree(value)));
    ArrayNode list = root.putArray(ActivationRangesFile.RANGES);
    ranges
        .ranges()
        .forEach((place, range) -> {
          ObjectNode entry = list.addObject().put("point", place.point().label());
          if (place.layer() >= 0) {
            entry.put("layer", place.layer());
          }
          entry.put("low", range.low()).put("high", range.high());
          ranges
              .smoothing(place)
              .ifPresent(factors -> {
                ArrayNode numbers = entry.putArray("smoothing");
                for (float factor : factors) {
                  numbers.add(factor);
                }
              });
        });
    byte[] text = (root.toPrettyString() + "\n").getBytes(StandardCharsets.UTF_8);
    AtomicFile.put(file, text, replace);
  }
}
