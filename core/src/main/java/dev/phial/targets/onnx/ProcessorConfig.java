package dev.phial.targets.onnx;

import dev.phial.io.Json;
import dev.phial.io.PythonJson;
import dev.phial.source.Config;
import dev.phial.source.Folder;
import dev.phial.targets.Clip;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** {@code processor_config.json}, what becomes of an image before the graphs see it. */
final class ProcessorConfig {
  static final String NAME = "processor_config.json";

  /** What the runtime cuts images into at most, whatever it is told. */
  static final int SQUARES = 16;

  private static final int ROWS = 144; // of a square
  private static final int INDENT = 2;

  private ProcessorConfig() {}

  /** What a checkpoint wants images cut into at most. */
  static int squares(Folder folder) {
    return Clip.preprocessor(folder).count("num_crops", SQUARES);
  }

  static byte[] of(Folder folder) {
    Config given = Clip.preprocessor(folder);
    ObjectNode root = Json.MAPPER.createObjectNode();
    ArrayNode transforms =
        root.putObject("processor").put("name", "image_processing").putArray("transforms");
    attributes(transforms, "decode_image", "DecodeImage").put("color_space", "BGR");
    operation(transforms, "convert_to_rgb", "ConvertRGB");
    attributes(transforms, "phi3_image_transform", "Phi3ImageTransform")
        .put("num_crops", squares(folder))
        .put("num_img_tokens", given.count("num_img_tokens", ROWS));
    return PythonJson.dump(root, INDENT);
  }

  private static ObjectNode attributes(ArrayNode to, String name, String type) {
    return operation(to, name, type).putObject("attrs");
  }

  private static ObjectNode operation(ArrayNode to, String name, String type) {
    return to.addObject()
        .putObject("operation")
        .put("name", name)
        .put("domain", "com.microsoft.extensions")
        .put("type", type);
  }
}
