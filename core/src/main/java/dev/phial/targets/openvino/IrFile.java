package dev.phial.targets.openvino;

/** A graph of a folder, in two files. */
enum IrFile {
  /** From tokens to logits. */
  MODEL("openvino_model"),

  /** From embeddings of tokens and images to logits. */
  LANGUAGE("openvino_language_model"),

  /** From tokens to their embeddings. */
  TEXT_EMBEDDINGS("openvino_text_embeddings_model"),

  /** From squares of images to what the encoder says of their patches. */
  VISION_EMBEDDINGS("openvino_vision_embeddings_model"),

  /** From that to embeddings. */
  VISION_PROJECTION("openvino_vision_projection_model");

  private final String stem;

  IrFile(String stem) {
    this.stem = stem;
  }

  /** The name of the file with the layers. */
  String graph() {
    return stem + ".xml";
  }

  /** The name of the file with the constants. */
  String data() {
    return stem + ".bin";
  }
}
