package dev.phial.cli;

import dev.phial.io.UserCache;
import java.nio.file.Path;
import java.util.List;

/** The bundled model: a Phi-3 of 5 million parameters that speaks Shakespeare. */
final class Demo {
  static final String NAME = "demo";

  /** The folder's name is part of the metadata of what is made from it. */
  private static final String FOLDER = "tiny-phi3";

  private static final List<String> FILES =
      List.of(
          "added_tokens.json",
          "config.json",
          "generation_config.json",
          "model.safetensors",
          "special_tokens_map.json",
          "tokenizer.json",
          "tokenizer.model",
          "tokenizer_config.json");

  /** What it cannot do. */
  static final String NO_TALKER =
      "the demo goes on with texts in Shakespeare's manner and answers no questions; try phial run demo -p 'ROMEO:'";

  private Demo() {}

  /** The folder it is unpacked in, a cache of the user's. */
  static Path folder() {
    return UserCache.unpack(Demo.class, "/demo/" + FOLDER + "/", FILES, "demo-1/" + FOLDER);
  }
}
