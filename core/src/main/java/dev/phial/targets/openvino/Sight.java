package dev.phial.targets.openvino;

import dev.phial.graph.Vector;
import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.model.Part;
import dev.phial.model.Vision;
import dev.phial.model.VisionRole;
import dev.phial.source.Folder;
import dev.phial.targets.Clip;
import java.util.Map;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** What OpenVINO GenAI's VLMPipeline has to know of a model that sees, besides its graphs. */
final class Sight {
  private static final int INDENT = 2;

  private Sight() {}

  /** The files that say it, by their names. */
  static Map<String, byte[]> texts(Folder folder, Vision vision) {
    ObjectNode config = Clip.config(folder);
    config.set("glb_GN", row(vision, VisionRole.SEPARATOR, 2));
    config.set("sub_GN", row(vision, VisionRole.ROW_END, 3));
    return Map.of(
        "config.json",
        PythonJson.dump(config, INDENT),
        Clip.PREPROCESSOR,
        PythonJson.dump(Clip.preprocessor(folder).json(), INDENT));
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
