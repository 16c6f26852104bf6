package dev.phial.targets.openvino;

import dev.phial.PhialException;
import dev.phial.graph.Vector;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.model.Part;
import dev.phial.model.Vision;
import dev.phial.model.VisionKind;
import dev.phial.model.VisionRole;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.targets.Request;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What OpenVINO GenAI's VLMPipeline has to know of a model that sees, besides its graphs. */
final class Sight {
  private static final String PREPROCESSOR = "preprocessor_config.json";
  private static final int INDENT = 2;

  // what VisionEncoderPhi3V asserts
  private static final int SIDE = 24;
  private static final int PATCH = 14;
  private static final int WIDTH = 1024;

  private Sight() {}

  /** Whether there is a pipeline for encoders of a kind. */
  static boolean isPossible(Vision vision) {
    return vision.kind() == VisionKind.CLIP;
  }

  /**
   * @throws PhialException.Unsupported if the pipeline takes encoders of other sizes
   * @throws PhialException.BadInput if nothing tells what becomes of an image
   */
  static void check(Folder folder, Vision vision) {
    if (vision.side() != SIDE || vision.patch() != PATCH || vision.hidden() != WIDTH) {
      throw new PhialException.Unsupported(
          "%s: OpenVINO GenAI runs encoders of %d × %d patches of %d pixels, %d numbers wide, this one has %d × %d of %d, %d wide; pass --%s"
              .formatted(
                  folder.path(),
                  SIDE,
                  SIDE,
                  PATCH,
                  WIDTH,
                  vision.side(),
                  vision.side(),
                  vision.patch(),
                  vision.hidden(),
                  Request.TEXT_ONLY.name()),
          "has no pipeline for encoders of this size; --%s leaves it out"
              .formatted(Request.TEXT_ONLY.name()));
    }
    if (folder.json(PREPROCESSOR).isEmpty()) {
      throw new PhialException.BadInput(
          "%s: expected %s, which tells what becomes of an image, found none; download it again, or pass --%s"
              .formatted(folder.path(), PREPROCESSOR, Request.TEXT_ONLY.name()));
    }
  }

  /** The files that say it, by their names. */
  static Map<String, byte[]> texts(Folder folder, Vision vision) {
    Config whole = folder.json("config.json").orElseThrow();
    ObjectNode config = folder.plainConfig(); // as the text model needs it
    whole
        .json()
        .properties()
        .forEach(entry -> {
          if (!entry.getKey().matches("quantization(_config)?|compression_config")
              && (!config.has(entry.getKey())
                  || entry.getKey().matches("architectures|model_type"))) {
            config.set(entry.getKey(), entry.getValue());
          }
        });
    config.set("glb_GN", row(vision, VisionRole.SEPARATOR, 2));
    config.set("sub_GN", row(vision, VisionRole.ROW_END, 3));
    return Map.of(
        "config.json",
        PythonJson.dump(config, INDENT),
        PREPROCESSOR,
        PythonJson.dump(folder.json(PREPROCESSOR).orElseThrow().json(), INDENT));
  }

  /** A row of numbers, within so many lists. */
  private static ArrayNode row(Vision vision, VisionRole role, int depth) {
    ArrayNode row = Json.MAPPER.createArrayNode();
    for (float value : Vector.of(vision.weight(role, -1, Part.WEIGHT)).values()) {
      row.add((double) value);
    }
    for (int i = 0; i < depth; i++) {
      row = Json.MAPPER.createArrayNode().add(row);
    }
    return row;
  }
}
