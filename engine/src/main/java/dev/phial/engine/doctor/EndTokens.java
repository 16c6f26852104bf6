package dev.phial.engine.doctor;

import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Encoding;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.source.Checkpoint;
import dev.phial.source.Config;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.TreeSet;
import java.util.stream.Stream;
import tools.jackson.databind.JsonNode;

/**
 * The ids that end a text: those the files declare, and the one the chat template ends turns with.
 */
final class EndTokens implements Check {
  private static final String ANSWER = "phial";

  /**
   * What llama.cpp takes for the end of a turn by its text, among Phi's ({@code llama-vocab.cpp}).
   */
  private static final Set<String> KNOWN_TO_LLAMA =
      Set.of("<|end|>", "<|im_end|>", "<|endoftext|>");

  @Override
  public String name() {
    return "EOS ids";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    Set<Long> declared = declared(patient.checkpoint());
    if (declared.isEmpty()) {
      findings.error("no EOS id is declared", "text goes on until the context is full");
    }
    patient
        .model()
        .ifPresent(model -> {
          int vocabulary = model.hyperparameters().vocabulary();
          for (long id : declared) {
            if (id < 0 || id >= vocabulary) {
              findings.error(
                  "EOS id %d is not among the %d tokens of the model".formatted(id, vocabulary),
                  "the model can never give it, so text goes on");
            }
          }
        });
    turnEnd(patient)
        .filter(end -> !declared.contains((long) end.ids()[0]))
        .ifPresent(end -> report(patient.checkpoint(), declared, end, findings));
  }

  private static void report(
      Checkpoint checkpoint, Set<Long> declared, Encoding end, Findings findings) {
    String piece = end.pieces().getFirst();
    String found =
        "the chat template ends a turn with %s (%d), EOS ids are %s"
            .formatted(piece, end.ids()[0], declared);
    if (checkpoint.gguf().isPresent() && KNOWN_TO_LLAMA.contains(piece)) {
      findings.note(found, "llama.cpp knows this token by its text; other readers of GGUF may not");
    } else {
      findings.error(found, "a runtime that goes by them talks on after its answer");
    }
  }

  /** The first token after an answer, where it is a special one. */
  private static Optional<Encoding> turnEnd(Patient patient) {
    Optional<String> rendered =
        patient.render(
            List.of(
                ChatTemplate.message("user", "Hello"), ChatTemplate.message("assistant", ANSWER)),
            false);
    Tokenizer tokenizer = patient.tokenizer().orElse(null);
    if (rendered.isEmpty() || tokenizer == null) {
      return Optional.empty();
    }
    int answer = rendered.get().lastIndexOf(ANSWER);
    String rest = answer < 0 ? "" : rendered.get().substring(answer + ANSWER.length()).strip();
    Encoding encoding = tokenizer.encode(rest, true);
    boolean isSpecial =
        encoding.ids().length > 0
            && rest.startsWith("<")
            && rest.startsWith(encoding.pieces().getFirst());
    return isSpecial ? Optional.of(encoding) : Optional.empty();
  }

  private static Set<Long> declared(Checkpoint checkpoint) {
    Set<Long> ids = new TreeSet<>();
    checkpoint
        .folder()
        .map(folder ->
            // generation_config.json has the last word in transformers
            folder
                .json("generation_config.json")
                .filter(config -> config.has("eos_token_id"))
                .orElse(folder.config()))
        .ifPresent(config -> add(config, ids));
    checkpoint
        .gguf()
        .ifPresent(gguf ->
            Stream.of("eos", "eot", "eom")
                .map(kind -> gguf.whole("tokenizer.ggml.%s_token_id".formatted(kind)))
                .filter(OptionalLong::isPresent)
                .forEach(id -> ids.add(id.getAsLong())));
    return ids;
  }

  private static void add(Config config, Set<Long> ids) {
    JsonNode declared = config.json().path("eos_token_id");
    if (declared.isIntegralNumber()) {
      ids.add(declared.asLong());
    }
    for (JsonNode id : declared) {
      ids.add(id.asLong(-1));
    }
  }
}
