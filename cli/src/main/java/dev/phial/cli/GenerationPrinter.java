package dev.phial.cli;

import dev.phial.engine.generate.Generated;
import dev.phial.io.Json;
import java.util.Locale;
import tools.jackson.databind.node.ArrayNode;
import tools.jackson.databind.node.ObjectNode;

/** Says what was generated, and how fast. */
final class GenerationPrinter {
  private GenerationPrinter() {}

  static String summary(Generated generated) {
    String prompt =
        String.format(
            Locale.ROOT,
            "prompt: %d tokens%s, %.1f tokens/s",
            generated.promptTokens(),
            generated.computed() < generated.promptTokens()
                ? " (%d of them new)".formatted(generated.computed())
                : "",
            generated.promptSpeed());
    return prompt
        + String.format(
            Locale.ROOT,
            "; answer: %d tokens%s%s",
            generated.ids().length,
            generated.speed() > 0
                ? String.format(Locale.ROOT, ", %.1f tokens/s", generated.speed())
                : "",
            why(generated.finish()));
  }

  private static String why(Generated.Finish finish) {
    return switch (finish) {
      case END, STOP -> "";
      case LENGTH -> ", cut off by --max-tokens";
      case CONTEXT -> ", cut off: the context is full";
      case INTERRUPTED -> ", interrupted";
    };
  }

  static ObjectNode json(Generated generated) {
    ObjectNode result = Json.MAPPER.createObjectNode();
    result.put("text", generated.text());
    ArrayNode ids = result.putArray("ids");
    for (int id : generated.ids()) {
      ids.add(id);
    }
    return result
        .put("finish", generated.finish().name().toLowerCase(Locale.ROOT))
        .put("prompt_tokens", generated.promptTokens())
        .put("prompt_tokens_computed", generated.computed())
        .put("prompt_seconds", generated.promptNanos() / 1e9)
        .put("prompt_tokens_per_second", generated.promptSpeed())
        .put("generated_tokens", generated.ids().length)
        .put("generated_seconds", generated.nanos() / 1e9)
        .put("generated_tokens_per_second", generated.speed());
  }
}
