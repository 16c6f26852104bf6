package dev.phial.engine.tune;

import dev.phial.PhialException;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.quant.Formats;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;
import tools.jackson.databind.node.ObjectNode;

/**
 * The type of every matrix of a GGUF file, by its name there.
 *
 * @param model what it was made for
 * @param loss what it is expected to lose: mean KL divergence
 */
public record TypePlan(String model, double loss, Map<String, String> types) {
  /** Where the plan says nothing, and what the file calls itself. */
  private static final String BASE = "Q4_K_M";

  private static final String EMBEDDING = "token_embd.weight";
  private static final String OUTPUT = "output.weight";

  public TypePlan {
    types = new TreeMap<>(types);
  }

  /** The bytes of a plan file. */
  public byte[] toJson() {
    ObjectNode json = Json.MAPPER.createObjectNode();
    json.put("model", model).put("target", "gguf").put("expected_kld", loss);
    ObjectNode tensors = json.putObject("tensor_types");
    types.forEach(tensors::put);
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
    Map<String, String> types = new TreeMap<>();
    for (Map.Entry<String, JsonNode> entry : json.path("tensor_types").properties()) {
      String type = entry.getValue().stringValue("");
      if (Formats.named(type).isEmpty() || !entry.getKey().matches("[\\w.]{1,200}")) {
        throw new PhialException.BadInput(
            "%s: expected the name of a tensor and a type, found %s: %s; make it anew with phial tune"
                .formatted(file, entry.getKey(), entry.getValue()));
      }
      types.put(entry.getKey(), type);
    }
    if (types.isEmpty() || !json.path("target").stringValue("").equals("gguf")) {
      throw new PhialException.BadInput(
          file + ": expected a plan with tensor_types for gguf, found something else");
    }
    return new TypePlan(
        json.path("model").stringValue(""), json.path("expected_kld").doubleValue(0), types);
  }

  /** What {@code --to} says to write it. */
  public String order() {
    StringBuilder order = new StringBuilder("gguf:" + BASE);
    types.forEach((name, type) -> {
      switch (name) {
        case EMBEDDING -> order.append(",token-embedding-type=").append(type);
        case OUTPUT -> order.append(",output-tensor-type=").append(type);
        default -> order.append(",tensor-type=^%s$=%s".formatted(name.replace(".", "\\."), type));
      }
    });
    return order.toString();
  }
}
