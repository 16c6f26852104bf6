package dev.phial.engine.tune;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.source.TextFile;
import dev.phial.targets.Mixing;
import dev.phial.targets.Target;
import dev.phial.targets.Targets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.regex.Pattern;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The type of every matrix of an output, by its name there.
 *
 * @param model what it was made for
 * @param to the output where the plan says nothing, as {@code --to} has it
 * @param loss what it is expected to lose: mean KL divergence
 * @param reasons what every matrix would lose of that in every type
 */
public record TypePlan(
    String model,
    String to,
    double loss,
    Map<String, String> types,
    Map<String, Map<String, Double>> reasons) {
  private static final Pattern TO = Pattern.compile("[a-z]+(:\\w+)?(,[\\w.=-]+)*");
  private static final Pattern TENSOR = Pattern.compile("[\\w.]{1,200}");
  private static final Pattern TYPE = Pattern.compile("\\w{1,16}");

  public TypePlan {
    types = new TreeMap<>(types);
    reasons = new TreeMap<>(reasons);
  }

  /** The bytes of a plan file. */
  public byte[] toJson() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("model", model).put("to", to).put("expected_kld", loss);
    ObjectNode tensors = json.putObject("tensor_types");
    types.forEach(tensors::put);
    ObjectNode losses = json.putObject("expected_kld_of_types");
    reasons.forEach((name, lost) -> lost.forEach(losses.putObject(name)::put));
    return PythonJson.dump(json, 2);
  }

  /**
   * Reads a plan file.
   *
   * @throws PhialException.BadInput if it is none
   */
  public static TypePlan read(Path file) {
    JsonNode json;
    try {
      json = Json.STRICT.readTree(TextFile.read(file));
    } catch (JacksonException e) {
      throw Json.malformed(file, e);
    }
    String to = json.path("to").stringValue("");
    if (!TO.matcher(to).matches() || mixing(to).isEmpty()) {
      throw new PhialException.BadInput(
          "%s: expected a plan of phial tune, with \"to\": \"gguf:Q4_K_M\" or the like, found %s"
              .formatted(file, json.path("to")));
    }
    Map<String, String> types = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path("tensor_types").properties()) {
      String type = entry.getValue().stringValue("");
      if (!TENSOR.matcher(entry.getKey()).matches() || !TYPE.matcher(type).matches()) {
        throw new PhialException.BadInput(
            "%s: expected the name of a tensor and a type, found %s: %s; make it anew with phial tune"
                .formatted(file, entry.getKey(), entry.getValue()));
      }
      types.put(entry.getKey(), type);
    }
    if (types.isEmpty()) {
      throw new PhialException.BadInput(
          file + ": expected a plan with tensor_types, found none; make it anew with phial tune");
    }
    return new TypePlan(
        json.path("model").stringValue(""),
        to,
        json.path("expected_kld").doubleValue(0),
        types,
        Map.of());
  }

  private static Optional<Mixing> mixing(String to) {
    return Targets.named(to.split("[:,]", 2)[0]).flatMap(Target::mixing);
  }

  /** What {@code --to} says to write it. */
  public String order() {
    Mixing mixing = mixing(to).orElseThrow();
    StringBuilder order = new StringBuilder(to);
    types.forEach((name, type) -> order.append(',').append(mixing.option(name, type)));
    return order.toString();
  }
}
