package dev.phial.engine.text;

import dev.phial.PhialException;
import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.io.Json;
import dev.phial.source.Checkpoint;
import dev.phial.source.TextFile;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import tools.jackson.core.JacksonException;
import tools.jackson.databind.JsonNode;

/**
 * Conversations in lines of JSON, as a model that was tuned to talk reads them: {@code {"messages":
 * [{"role": "user", "content": "…"}, …]}}.
 */
public final class Conversations {
  private Conversations() {}

  /** Whether a file holds conversations, and not a text. */
  public static boolean isIn(Path file) {
    return file.toString().endsWith(".jsonl");
  }

  /**
   * Reads them through the model's chat template, one after the other.
   *
   * @return the tokens of all
   * @throws PhialException.BadInput if a line is something else, or the model has no template
   */
  public static int[] read(Path file, Checkpoint checkpoint, Tokenizer tokenizer) {
    ChatTemplate template =
        ChatTemplate.of(checkpoint)
            .orElseThrow(() ->
                new PhialException.BadInput(
                    "%s: expected a model with a chat template for conversations, found %s without one; give a text instead"
                        .formatted(file, checkpoint.path())));
    IntStream.Builder tokens = IntStream.builder();
    int number = 0;
    for (String line : TextFile.readLikePython(file).lines().toList()) {
      number++;
      if (!line.isBlank()) {
        String text =
            template.render(messages(file, number, line), tokenizer.special().names(), false);
        IntStream.of(tokenizer.encode(text, true).ids()).forEach(tokens);
      }
    }
    return tokens.build().toArray();
  }

  private static List<Map<String, String>> messages(Path file, int number, String line) {
    JsonNode json;
    try {
      json = Json.MAPPER.readTree(line);
    } catch (JacksonException e) {
      throw refusal(file, number);
    }
    List<Map<String, String>> messages = new ArrayList<>();
    for (JsonNode message : json.path("messages")) {
      if (!message.path("role").isString() || !message.path("content").isString()) {
        throw refusal(file, number);
      }
      messages.add(
          ChatTemplate.message(
              message.path("role").stringValue(), message.path("content").stringValue()));
    }
    if (messages.isEmpty()) {
      throw refusal(file, number);
    }
    return messages;
  }

  private static PhialException refusal(Path file, int number) {
    return new PhialException.BadInput(
        "%s: line %d: expected {\"messages\": [{\"role\": \"user\", \"content\": \"…\"}, …]}, found something else"
            .formatted(file, number));
  }
}
