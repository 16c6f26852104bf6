package dev.phial.engine.doctor;

import dev.phial.PhialException;
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

  private static final int LONGEST = 1 << 20;

  /**
   * A conversation as the template lays it out; empty where the tokenizer or a template is missing.
   *
   * @throws PhialException.BadInput if the template fails, or makes much of little
   */
  Optional<String> render(List<Map<String, String>> messages, boolean addGenerationPrompt) {
    Optional<String> text =
        template.flatMap(found ->
            tokenizer.map(
                tokens -> found.render(messages, tokens.special().names(), addGenerationPrompt)));
    text.filter(t -> t.length() > LONGEST)
        .ifPresent(t -> {
          throw new PhialException.BadInput(
              "%s: expected the chat template to make at most %d characters of a short conversation, found %d"
                  .formatted(checkpoint.path(), LONGEST, t.length()));
        });
    return text;
  }
}
