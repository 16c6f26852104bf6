package dev.phial.engine.doctor;

import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.model.ModelDescription;
import dev.phial.source.Checkpoint;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * The model that is examined, as far as it could be understood.
 *
 * @param original the checkpoint it was made from, if that is known
 */
record Patient(
    Checkpoint checkpoint,
    Optional<ModelDescription> model,
    Optional<Tokenizer> tokenizer,
    Optional<ChatTemplate> template,
    Optional<Patient> original) {

  /**
   * A conversation as the template lays it out; empty where the tokenizer or a template is missing.
   */
  Optional<String> render(List<Map<String, String>> messages, boolean addGenerationPrompt) {
    return template.flatMap(found ->
        tokenizer.map(
            tokens -> found.render(messages, tokens.special().names(), addGenerationPrompt)));
  }

  static Map<String, String> message(String role, String content) {
    return Map.of("role", role, "content", content);
  }
}
