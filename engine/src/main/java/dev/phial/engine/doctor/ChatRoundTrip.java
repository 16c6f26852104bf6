package dev.phial.engine.doctor;

import dev.phial.engine.chat.ChatTemplate;
import dev.phial.engine.tokenizer.Encoding;
import dev.phial.engine.tokenizer.Tokenizer;
import dev.phial.source.ChatTemplates;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;

/** Whether a conversation survives template, tokenizer and back. */
final class ChatRoundTrip implements Check {
  private static final Pattern MARKER = Pattern.compile("<\\|[^|<>\\s]+\\|>");
  private static final int MOST_MARKERS = 8; // that are told of
  private static final String QUESTION = "What is 7 × 6?";

  @Override
  public String name() {
    return "chat template";
  }

  @Override
  public void examine(Patient patient, Findings findings) {
    if (patient
        .checkpoint()
        .folder()
        .filter(folder -> ChatTemplates.of(folder).differ())
        .isPresent()) {
      findings.warning(
          "chat_template.jinja holds another chat template than tokenizer_config.json",
          "transformers, ONNX Runtime GenAI, OpenVINO and MLX take the first, llama.cpp's converter takes the second");
    }
    if (patient.template().isEmpty()) {
      findings.warning(
          "there is no chat template",
          "runtimes fall back on a layout of conversations the model may not know");
      return;
    }
    Optional<String> rendered =
        patient.render(List.of(ChatTemplate.message("user", QUESTION)), true);
    if (rendered.isEmpty()) {
      return; // without a tokenizer, which has been reported
    }
    String text = rendered.get();
    if (!text.contains(QUESTION)) {
      findings.error(
          "the chat template drops what the user says", "the model answers another question");
    }
    Tokenizer tokenizer = patient.tokenizer().orElseThrow();
    Encoding encoding = tokenizer.encode(text, true);
    Map<String, Integer> missing = new LinkedHashMap<>(); // markers, by how many are no tokens
    MARKER.matcher(text).results().forEach(found -> missing.merge(found.group(), 1, Integer::sum));
    encoding.pieces().forEach(piece -> missing.computeIfPresent(piece, (p, count) -> count - 1));
    missing.values().removeIf(count -> count <= 0);
    missing.keySet().stream()
        .limit(MOST_MARKERS)
        .forEach(marker ->
            findings.error(
                "the chat template writes %s, which is no token of its own".formatted(marker),
                "the model was trained with one token there and reads several: answers get worse, or never end"));
    if (!withoutBlanks(tokenizer.decode(encoding.ids())).equals(withoutBlanks(text))) {
      findings.error(
          "tokens of a conversation give another text than they were made from",
          "the model reads something else than the user wrote");
    }
  }

  /** Tokens with strip flags take the blanks around them, which is as it should be. */
  private static String withoutBlanks(String text) {
    return text.replaceAll("\\s+", "");
  }
}
