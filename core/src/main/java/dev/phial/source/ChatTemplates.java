package dev.phial.source;

import dev.phial.PhialException;
import java.util.Optional;
import tools.jackson.databind.JsonNode;

/**
 * The chat templates of a folder, which may keep one in each of three files. Of several in a file
 * it is the one named {@code default}.
 *
 * @param file chat_template.jinja
 * @param inline chat_template in tokenizer_config.json
 * @param json chat_template in chat_template.json, as processors of images have it
 */
public record ChatTemplates(Optional<String> file, Optional<String> inline, Optional<String> json) {
  private static final String KEY = "chat_template";

  /**
   * Reads what there is.
   *
   * @throws PhialException.BadInput if a file cannot be read, or is not JSON
   */
  public static ChatTemplates of(Folder folder) {
    return new ChatTemplates(
        folder.file(KEY + ".jinja").map(TextFile::readLikePython),
        folder.json("tokenizer_config.json").flatMap(ChatTemplates::within),
        folder.json(KEY + ".json").flatMap(ChatTemplates::within));
  }

  /** The one that counts: as in transformers, the file of its own before what is inline. */
  public Optional<String> chosen() {
    return file.or(() -> inline).or(() -> json);
  }

  /** Whether what is inline, which llama.cpp's converter takes, is another than what counts. */
  public boolean differ() {
    return inline.isPresent() && !inline.equals(chosen());
  }

  private static Optional<String> within(Config config) {
    JsonNode template = config.json().path(KEY);
    if (template.isString()) {
      return Optional.of(template.stringValue());
    }
    return template
        .valueStream()
        .filter(choice -> choice.path("name").asString("").equals("default"))
        .filter(choice -> choice.path("template").isString())
        .map(choice -> choice.path("template").stringValue())
        .findFirst();
  }
}
