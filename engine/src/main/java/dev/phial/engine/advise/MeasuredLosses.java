package dev.phial.engine.advise;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * What an evaluation found: the mean KL divergence of each {@code TARGET:PRECISION}.
 *
 * @param about the model and the text that were measured; may be empty
 */
public record MeasuredLosses(String about, Map<String, Double> byName) {
  public static final MeasuredLosses NONE = new MeasuredLosses("", Map.of());

  public MeasuredLosses {
    byName = Map.copyOf(byName);
  }

  /**
   * Reads what {@code phial eval --types … --json} printed.
   *
   * @throws PhialException.BadInput if it is something else
   */
  public static MeasuredLosses read(Path file) {
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(TextFile.read(file));
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
    Map<String, Double> losses = new HashMap<>();
    for (JsonNode candidate : json.path("candidates")) {
      String name = candidate.path("name").stringValue("");
      JsonNode loss = candidate.path("kld_mean");
      if (name.isEmpty() || !loss.isNumber() || !Double.isFinite(loss.doubleValue())) {
        throw new PhialException.BadInput(
            file
                + ": expected candidates with a name and a number kld_mean, found another; pass what phial eval --types … --json printed");
      }
      losses.put(name.contains(":") ? name : "gguf:" + name, loss.doubleValue());
    }
    if (losses.isEmpty()) {
      throw new PhialException.BadInput(
          file
              + ": expected the candidates of an evaluation, found none; pass what phial eval --types … --json printed");
    }
    return new MeasuredLosses(
        "%s on %s"
            .formatted(
                json.path("reference").path("name").stringValue("?"),
                json.path("text").path("name").stringValue("?")),
        losses);
  }

  Optional<Double> of(String target, String precision) {
    return Optional.ofNullable(byName.get(target + ":" + precision));
  }
}
